# Net::SMTP with STARTTLS demanded; argument "default" goes on when it fails, as its manual page shows it.
use strict;
use warnings;
use JSON::PP;
use Net::SMTP;

my $order = decode_json(do { local $/; <STDIN> });
my $secure = $ENV{ENTERPRISE_SMTP_SECURE} eq 'true';
my $smtp = Net::SMTP->new($ENV{ENTERPRISE_SMTP_HOST}, Port => $ENV{ENTERPRISE_SMTP_PORT}, SSL => $secure, Timeout => 10)
    or die "not sent: no connection\n";
if (!$secure) {
    my $begun = $smtp->starttls();
    die "not sent: no TLS\n" if !$begun && ($ARGV[0] // '') ne 'default';
}
$smtp->auth($ENV{ENTERPRISE_SMTP_USER}, $ENV{ENTERPRISE_SMTP_PASS}) or die "not sent: no login\n";
$smtp->mail($ENV{ENTERPRISE_FROM_EMAIL}) or die "not sent: sender\n";
$smtp->to($order->{to}[0]) or die "not sent: recipient\n";
$smtp->data() or die "not sent: data\n";
$smtp->datasend("From: $ENV{ENTERPRISE_FROM_EMAIL}\nTo: $order->{to}[0]\nSubject: $order->{subject}\n\n$order->{text}\n");
$smtp->dataend() or die "not sent: message\n";
$smtp->quit();
