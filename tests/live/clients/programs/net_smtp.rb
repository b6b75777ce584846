# Ruby's net/smtp as it comes.
require 'json'
require 'net/smtp'

order = JSON.parse($stdin.read)
smtp = Net::SMTP.new(ENV['ENTERPRISE_SMTP_HOST'], ENV['ENTERPRISE_SMTP_PORT'].to_i)
smtp.open_timeout = smtp.read_timeout = 10
if ENV['ENTERPRISE_SMTP_SECURE'] == 'true'
  smtp.enable_tls
elsif ARGV[0] == 'always'
  smtp.enable_starttls
end
from = ENV['ENTERPRISE_FROM_EMAIL']
text = "From: #{from}\r\nTo: #{order['to'][0]}\r\nSubject: #{order['subject']}\r\n\r\n#{order['text']}\r\n"
smtp.start('client.example', ENV['ENTERPRISE_SMTP_USER'], ENV['ENTERPRISE_SMTP_PASS'], :plain) do |session|
  session.send_message(text, from, *order['to'])
end
