<?php
use PHPMailer\PHPMailer\PHPMailer;
use SendGrid\Mail\Mail; // hit: php-external-sdk
$mail = new PHPMailer(true);
$mail->isSMTP(); // hit: phpmailer-without-smtp-secure
$mail->SMTPSecure = ''; // hit: phpmailer-clear
$mail->SMTPAutoTLS = false; // hit: phpmailer-clear
$mail->SMTPDebug = 2; // hit: phpmailer-debug
$mail->SMTPDebug = SMTP::DEBUG_SERVER; // hit: phpmailer-debug
$mail->Password = 'not-a-real-one'; // hit: php-login-password
$mail->Host = env('MAIL_HOST', 'backup.example.org'); // hit: php-default-setting
$mail->Username = getenv('SMTP_USER') ?: 'app'; // hit: php-default-setting
$mail->SMTPOptions = ['ssl' => [
    'verify_peer' => false, // hit: php-verify-peer
    'allow_self_signed' => true, // hit: php-verify-peer
    'crypto_method' => STREAM_CRYPTO_METHOD_TLSv1_0_CLIENT, // hit: php-crypto-method
]];
$dsn = 'smtp://mail.example.org:587?verify_peer=0'; // hit: php-dsn-verify-peer
$null = 'null://null'; // hit: php-simulation
$default = env('MAIL_MAILER', 'log'); // hit: php-simulation
$address = 'sendgrid+api://KEY@default'; // hit: php-external-address
curl_setopt($curl, CURLOPT_SSL_VERIFYPEER, false); // hit: php-curl-unverified
$apiKey = 'q8Zt-4rW9-xKp2-Lm7v'; // hit: php-named-secret
$settings = ['api_key' => 'q8Zt-4rW9-xKp2-Lm7v']; // hit: php-named-secret
$host = 'smtp.gmail.com'; // hit: external-host
$caught = 'smtp.mailtrap.io'; // hit: simulation-host
$url = 'smtps://app:hunter-two@mail.example.org'; // hit: password-in-address
$key = 'key-0123456789abcdef0123456789abcdef'; // hit: key-of-a-provider
$dkim = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"; // hit: private-key
$mail->Body = "<p>Hello $name</p>"; // hit: php-html-unescaped
$more = '<p>Hello ' . $_POST['name'] . '</p>'; // hit: php-html-unescaped
$clean = preg_replace('/<script.*?<\/script>/i', '', $html); // hit: php-html-by-pattern
mail($to, $subject, $text, "From: $from"); // hit: php-header-text
$headers = 'From: ' . $from . "\r\n"; // hit: php-header-text
