<?php
// PHPMailer with SMTPSecure; argument "auto" leaves it out, as many examples do.
use PHPMailer\PHPMailer\PHPMailer;
foreach (['Exception', 'PHPMailer', 'SMTP'] as $part) {
    require "/usr/share/php/libphp-phpmailer/src/$part.php";
}
$order = json_decode(file_get_contents('php://stdin'), true);
$mail = new PHPMailer(true);
try {
    $mail->isSMTP();
    $mail->Host = getenv('ENTERPRISE_SMTP_HOST');
    $mail->Port = (int) getenv('ENTERPRISE_SMTP_PORT');
    $mail->SMTPAuth = true;
    $mail->Username = getenv('ENTERPRISE_SMTP_USER');
    $mail->Password = getenv('ENTERPRISE_SMTP_PASS');
    $mail->Timeout = 10;
    if (getenv('ENTERPRISE_SMTP_SECURE') === 'true') {
        $mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;
    } elseif (($argv[1] ?? '') !== 'auto') {
        $mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
    }
    $mail->setFrom(getenv('ENTERPRISE_FROM_EMAIL'));
    $mail->addAddress($order['to'][0]);
    $mail->Subject = $order['subject'];
    $mail->Body = $order['text'];
    $mail->send();
} catch (Throwable $error) {
    fwrite(STDERR, 'not sent: ' . get_class($error) . "\n");
    exit(1);
}
