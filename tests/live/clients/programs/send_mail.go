// Go's net/smtp: smtp.SendMail, and TLS first where the port is 465.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
)

type order struct {
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
}

func send(message order) error {
	host, from := os.Getenv("ENTERPRISE_SMTP_HOST"), os.Getenv("ENTERPRISE_FROM_EMAIL")
	place := host + ":" + os.Getenv("ENTERPRISE_SMTP_PORT")
	auth := smtp.PlainAuth("", os.Getenv("ENTERPRISE_SMTP_USER"), os.Getenv("ENTERPRISE_SMTP_PASS"), host)
	text := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\n", from, message.To[0], message.Subject, message.Text)
	if os.Getenv("ENTERPRISE_SMTP_SECURE") != "true" {
		return smtp.SendMail(place, auth, from, message.To, []byte(text))
	}
	connection, err := tls.Dial("tcp", place, &tls.Config{ServerName: host})
	if err != nil {
		return err
	}
	client, err := smtp.NewClient(connection, host)
	if err != nil {
		return err
	}
	if err = client.Auth(auth); err != nil {
		return err
	}
	if err = client.Mail(from); err != nil {
		return err
	}
	if err = client.Rcpt(message.To[0]); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err = body.Write([]byte(text)); err != nil {
		return err
	}
	if err = body.Close(); err != nil {
		return err
	}
	return client.Quit()
}

func main() {
	var message order
	if err := json.NewDecoder(os.Stdin).Decode(&message); err == nil {
		err = send(message)
		if err == nil {
			return
		}
		fmt.Fprintln(os.Stderr, "not sent")
	}
	os.Exit(1)
}
