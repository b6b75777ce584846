import javax.mail.Session;
import com.example.sendgrid.Notes; // near: java-external-sdk java-simulation

class Sound {
    private static final String PASSWORD_KEY = "mail.smtp.password"; // near: java-named-secret
    private static final String API_KEY = "your-key-here"; // near: java-named-secret
    @Value("${spring.mail.host}") // near: java-default-setting
    private String host;

    void send(Map<String, String> env, String name, String subject) {
        Properties p = new Properties();
        p.put("mail.smtp.starttls.enable", "true"); // near: java-starttls-not-required java-starttls-off
        p.put("mail.smtp.starttls.required", "true");
        p.put("mail.smtp.ssl.trust", "mail.example.org"); // near: java-trust-every-host
        p.put("mail.smtp.ssl.protocols", "TLSv1.2 TLSv1.3"); // near: java-protocols
        p.put("mail.debug", "false"); // near: java-debug
        String from = env.get("SMTP_HOST"); // near: java-default-setting
        new PasswordAuthentication(user, env.get("SMTP_PASS")); // near: java-login-password
        String body = "<p>Hello " + escapeHtml(name) + "</p>"; // near: java-html-unescaped
        String clean = html.replaceAll("<br>", ""); // near: java-html-by-pattern
        log.info("Subject: " + subject); // near: java-header-text
        // near: external-host simulation-host -- smtp.gmail.com, mailhog
        String url = "smtp://user@mail.example.org"; // near: password-in-address
        String key = "AKIA"; // near: key-of-a-provider
        String mark = "-----BEGIN PRIVATE KEY-----"; // near: private-key
    }

    public void checkServerTrusted(X509Certificate[] chain, String type) { // near: java-trust-all
        delegate.checkServerTrusted(chain, type);
    }
}
