<?php
use PHPMailer\PHPMailer\PHPMailer;
use App\SendGrid\Notes; // near: php-external-sdk
$mail = new PHPMailer(true);
$mail->isSMTP(); // near: phpmailer-without-smtp-secure
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS; // near: phpmailer-clear
$mail->SMTPDebug = SMTP::DEBUG_OFF; // near: phpmailer-debug
$mail->Password = getenv('SMTP_PASS'); // near: php-login-password
$mail->Host = env('MAIL_HOST'); // near: php-default-setting
$mail->SMTPOptions = ['ssl' => [
    'verify_peer' => true, // near: php-verify-peer
    'allow_self_signed' => false, // near: php-verify-peer
    'crypto_method' => STREAM_CRYPTO_METHOD_TLS_CLIENT, // near: php-crypto-method
]];
$dsn = 'smtp://mail.example.org:587?verify_peer=1'; // near: php-dsn-verify-peer
$default = env('MAIL_MAILER', 'smtp'); // near: php-simulation
$address = 'sendgridlike://x'; // near: php-external-address
curl_setopt($curl, CURLOPT_SSL_VERIFYPEER, true); // near: php-curl-unverified
$apiKey = '<your key>'; // near: php-named-secret
$labels = ['password' => 'The password is too short.']; // near: php-named-secret
// near: external-host simulation-host -- smtp.gmail.com, smtp.mailtrap.io
$url = "smtps://$user:$pass@mail.example.org"; // near: password-in-address
$key = 'key-0123'; // near: key-of-a-provider
$mark = '-----BEGIN PRIVATE KEY-----'; // near: private-key
$mail->Body = '<p>Hello ' . htmlspecialchars($name) . '</p>'; // near: php-html-unescaped
$clean = preg_replace('/<br>/i', "\n", $html); // near: php-html-by-pattern
echo "From: $from"; // near: php-header-text
$fixed = 'From: ' . 'noreply@example.org' . "\r\n"; // near: php-header-text
