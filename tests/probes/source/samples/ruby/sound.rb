require 'mail'
require 'sendgrid_notes' # near: ruby-external-sdk
config.action_mailer.delivery_method = :smtp # near: ruby-simulation
config.action_mailer.smtp_settings = {
  address: ENV.fetch('SMTP_HOST'), # near: ruby-default-setting
  user_name: ENV.fetch('SMTP_USER'),
  password: ENV.fetch('SMTP_PASS'), # near: ruby-login-password
  enable_starttls: true, # near: ruby-starttls-auto ruby-starttls-off
  openssl_verify_mode: 'peer' # near: ruby-verify-mode-none
}
raise if context.verify_mode == OpenSSL::SSL::VERIFY_NONE # near: ruby-verify-none
context.min_version = OpenSSL::SSL::TLS1_2_VERSION # near: ruby-version-pinned
Net::SMTP.start(host, 587, tls_verify: true) # near: ruby-tls-verify
smtp.set_debug_output nil # near: ruby-debug-output
api_key = 'REPLACE_ME_WITH_A_KEY' # near: ruby-named-secret
# near: external-host simulation-host -- smtp.sendgrid.net, mailcatcher
url = "smtp://#{user}:#{pass}@mail.example.org" # near: password-in-address
key = 'AKIA' # near: key-of-a-provider
mark = '-----BEGIN PRIVATE KEY-----' # near: private-key
body = "<p>Hello #{ERB::Util.html_escape(name)}</p>" # near: ruby-html-unescaped
clean = html.gsub(/<br>/i, "\n") # near: ruby-html-by-pattern
puts "From: #{from}" # near: ruby-header-text
