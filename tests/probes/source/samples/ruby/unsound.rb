require 'mail'
require 'net/smtp'
require 'sendgrid-ruby' # hit: ruby-external-sdk
config.action_mailer.delivery_method = :letter_opener # hit: ruby-simulation
config.action_mailer.smtp_settings = {
  address: ENV.fetch('SMTP_HOST', 'backup.example.org'), # hit: ruby-default-setting
  user_name: 'app',
  password: 'not-a-real-one', # hit: ruby-login-password
  enable_starttls_auto: true, # hit: ruby-starttls-auto
  openssl_verify_mode: 'none' # hit: ruby-verify-mode-none
}
other = { address: host, enable_starttls: false } # hit: ruby-starttls-off
context.verify_mode = OpenSSL::SSL::VERIFY_NONE # hit: ruby-verify-none
context.ssl_version = :TLSv1_2 # hit: ruby-version-pinned
Net::SMTP.start(host, 587, tls_verify: false) # hit: ruby-tls-verify
smtp.set_debug_output $stderr # hit: ruby-debug-output
api_key = 'q8Zt-4rW9-xKp2-Lm7v' # hit: ruby-named-secret
host = 'smtp.sendgrid.net' # hit: external-host
caught = 'mailcatcher:1025' # hit: simulation-host
url = 'smtp://app:hunter-two@mail.example.org' # hit: password-in-address
key = 'AKIAABCDEFGHIJKLMNOP' # hit: key-of-a-provider
dkim = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC" # hit: private-key
body = "<p>Hello #{name}</p>" # hit: ruby-html-unescaped
clean = html.gsub(/<script.*?<\/script>/i, '') # hit: ruby-html-by-pattern
raw = "From: #{from}\r\nSubject: #{subject}\r\n\r\n#{text}" # hit: ruby-header-text
