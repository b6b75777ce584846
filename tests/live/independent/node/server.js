// A mail server for one domain: what the documentation of smtp-server recommends, and no more.
// Accepted mail is thrown away.
"use strict";

const { readFileSync } = require("fs");
const { SMTPServer } = require("smtp-server");

const site = JSON.parse(readFileSync(process.argv[2], "utf8"));
const recipients = new Set(site.recipients);

function refusal(code, text) {
    return Object.assign(new Error(text), { responseCode: code });
}

const common = {
    name: site.host,
    banner: "",
    key: site.key,
    cert: site.certificates,
    minVersion: "TLSv1.2",
    size: 10 * 1024 * 1024,
    disableReverseLookup: true,
    hidePIPELINING: false,
    onData(stream, session, callback) {
        stream.on("end", () => {
            if (stream.sizeExceeded) {
                return callback(refusal(552, "message too large"));
            }
            console.log(["accepted", ...session.envelope.rcptTo.map((to) => to.address)].join(" "));
            return callback(null);
        });
        stream.resume();
    },
};

// For mail from other servers: nobody logs in, and only the domain's own mailboxes are served.
const exchange = {
    ...common,
    disabledCommands: ["AUTH"],
    onRcptTo(address, session, callback) {
        const known = recipients.has(address.address.toLowerCase());
        callback(known ? null : refusal(550, "no such mailbox here"));
    },
};

// For the domain's own users: authOptional is false, so that nothing goes before AUTH, and AUTH not before TLS.
const submission = {
    ...common,
    authMethods: ["PLAIN", "LOGIN"],
    onAuth(auth, session, callback) {
        if (auth.username in site.passwords && site.passwords[auth.username] === auth.password) {
            return callback(null, { user: auth.username });
        }
        return callback(refusal(535, "wrong user or password"));
    },
    onMailFrom(address, session, callback) {
        callback(address.address === session.user ? null : refusal(553, "not your address"));
    },
};

const servers = [
    [new SMTPServer(exchange), site.ports.mx],
    [new SMTPServer(submission), site.ports.submission],
    [new SMTPServer({ ...submission, secure: true }), site.ports.submissions],
];

let waiting = servers.length;
for (const [server, port] of servers) {
    server.on("error", (error) => console.error(error.message));
    server.listen(port, site.address, () => {
        waiting -= 1;
        if (waiting === 0) {
            // Root was for the ports.
            process.setgroups([]);
            process.setgid(site.user);
            process.setuid(site.user);
        }
    });
}
