import javax.mail.Session;
import com.sendgrid.SendGrid; // hit: java-external-sdk
import com.icegreen.greenmail.util.GreenMail; // hit: java-simulation

class Unsound {
    private static final String API_KEY = "q8Zt-4rW9-xKp2-Lm7v"; // hit: java-named-secret
    @Value("${spring.mail.host:backup.example.org}") // hit: java-default-setting
    private String host;

    void send(Map<String, String> env, String name, String subject) {
        Properties p = new Properties();
        p.put("mail.smtp.starttls.enable", "true"); // hit: java-starttls-not-required
        q.put("mail.smtp.starttls.enable", "false"); // hit: java-starttls-off
        p.put("mail.smtp.ssl.trust", "*"); // hit: java-trust-every-host
        p.put("mail.smtp.ssl.protocols", "TLSv1.2"); // hit: java-protocols
        p.put("mail.debug", "true"); // hit: java-debug
        session.setDebug(true); // hit: java-debug
        String from = env.getOrDefault("SMTP_HOST", "backup.example.org"); // hit: java-default-setting
        new PasswordAuthentication("app", "not-a-real-one"); // hit: java-login-password
        mailSender.setPassword("not-a-real-one"); // hit: java-login-password
        String body = "<p>Hello " + name + "</p>"; // hit: java-html-unescaped
        String more = String.format("<p>%s</p>", name); // hit: java-html-unescaped
        String clean = html.replaceAll("(?i)<script.*?</script>", ""); // hit: java-html-by-pattern
        String raw = "Subject: " + subject + "\r\n"; // hit: java-header-text
        String other = "smtp.gmail.com"; // hit: external-host
        String caught = "mailhog"; // hit: simulation-host
        String url = "smtp://app:hunter-two@mail.example.org"; // hit: password-in-address
        String key = "AKIAABCDEFGHIJKLMNOP"; // hit: key-of-a-provider
        String dkim = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"; // hit: private-key
    }

    public void checkServerTrusted(X509Certificate[] chain, String type) {} // hit: java-trust-all
}
