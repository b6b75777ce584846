package mailer

import (
	"crypto/tls"
	"fmt"
	"html/template" // near: go-text-template
	"net/smtp"

	"github.com/wneessen/go-mail" // near: go-external-sdk
)

const apiKey = "insert your key" // near: go-named-secret

func send(from, to, subject, name string) error {
	config := &tls.Config{
		ServerName: host,
		InsecureSkipVerify: false, // near: go-insecure-skip-verify
		MinVersion: tls.VersionTLS12, // near: go-version
	}
	host := getEnv("SMTP_HOST", "") // near: go-default-setting
	auth := smtp.PlainAuth("", user, password, host) // near: go-login-password
	body := fmt.Sprintf("<p>Hello %s</p>", html.EscapeString(name)) // near: go-html-formatted
	log.Printf("Subject: %s", subject) // near: go-header-text
	clean := regexp.MustCompile(`<br>`) // near: go-html-by-pattern
	if ok, _ := client.Extension("STARTTLS"); !ok { // near: go-starttls-optional
		return errors.New("no STARTTLS")
	}
	other, _ := mail.NewClient(host, mail.WithTLSPolicy(mail.TLSMandatory)) // near: go-tls-policy
	other.SetDebugLog(false) // near: go-debug-log
	// near: external-host simulation-host -- smtp.gmail.com, mailhog
	url := "smtp://%s:%s@mail.example.org" // near: password-in-address
	key := "AKIA" // near: key-of-a-provider
	mark := "-----BEGIN PRIVATE KEY-----" // near: private-key
	return client.Mail(from) // near: go-send-mail
}
