package mailer

import (
	"crypto/tls"
	"fmt"
	"net/smtp"
	"text/template" // hit: go-text-template

	"github.com/sendgrid/sendgrid-go" // hit: go-external-sdk
	"github.com/wneessen/go-mail"
)

const apiKey = "q8Zt-4rW9-xKp2-Lm7v" // hit: go-named-secret

func send(from, to, subject, name string) error {
	config := &tls.Config{
		InsecureSkipVerify: true, // hit: go-insecure-skip-verify
		MinVersion: tls.VersionTLS10, // hit: go-version
		MaxVersion: tls.VersionTLS12, // hit: go-version
	}
	host := getEnv("SMTP_HOST", "backup.example.org") // hit: go-default-setting
	auth := smtp.PlainAuth("", "app", "not-a-real-one", host) // hit: go-login-password
	body := fmt.Sprintf("<p>Hello %s</p>", name) // hit: go-html-formatted
	more := "<p>" + name + "</p>" // hit: go-html-formatted
	message := "Subject: " + subject + "\r\n\r\n" + body // hit: go-header-text
	second := fmt.Sprintf("From: %s\r\n", from) // hit: go-header-text
	clean := regexp.MustCompile(`(?i)<script.*?</script>`) // hit: go-html-by-pattern
	if ok, _ := client.Extension("STARTTLS"); ok { // hit: go-starttls-optional
		client.StartTLS(config)
	}
	other, _ := mail.NewClient(host, mail.WithTLSPolicy(mail.TLSOpportunistic)) // hit: go-tls-policy
	third, _ := mail.NewClient(host, mail.WithDebugLog()) // hit: go-debug-log
	fourth := "smtp.gmail.com:587" // hit: external-host
	caught := "mailhog:1025" // hit: simulation-host
	url := "smtp://app:hunter-two@mail.example.org" // hit: password-in-address
	key := "AKIAABCDEFGHIJKLMNOP" // hit: key-of-a-provider
	dkim := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC" // hit: private-key
	return smtp.SendMail(host, auth, from, []string{to}, []byte(message)) // hit: go-send-mail
}
