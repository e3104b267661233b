//! Alerts by e-mail, over SMTP.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use iclock_sync::alert::Message;
use iclock_sync::chain;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport as _};
use url::{Host, Url};

/// The longest that the server may be silent.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server, and who gets the messages.
#[derive(Clone)]
pub(crate) struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Leaves the password out.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// A setting that cannot be used: its key, the problem, and what to write instead. No secret is in them.
pub(crate) type Refused = (&'static str, String, &'static str);

impl Mail {
    /// For `smtps://USER:PASSWORD@HOST`, or `smtp://…?tls=required`. Contacts nothing.
    pub(crate) fn new(url: &str, from: &str, to: &[&str], tls_ca: Option<&Path>) -> Result<Self, Refused> {
        let shape = "write smtps://USER:PASSWORD@HOST, or smtp://USER:PASSWORD@HOST?tls=required for STARTTLS";
        let parsed = Url::parse(url).map_err(|_| ("mail", "is no address".to_owned(), shape))?;
        let is_required = parsed.query_pairs().any(|(key, value)| key == "tls" && value == "required");
        let is_safe = parsed.scheme() == "smtps" || is_required;
        if !is_safe && !is_of_this_computer(&parsed) {
            return Err(("mail", "would send everything unencrypted".to_owned(), shape));
        }
        // The error may repeat the address.
        let builder =
            SmtpTransport::from_url(url).map_err(|_| ("mail", "is no address of a mail server".to_owned(), shape))?;
        let mut builder = builder.timeout(Some(TIMEOUT));
        if let Some(path) = tls_ca.filter(|_| is_safe) {
            let tls = tls(parsed.host_str().unwrap_or_default(), path)
                .map_err(|problem| ("tls_ca", problem, "name a PEM file of certificates"))?;
            builder = builder.tls(if parsed.scheme() == "smtps" { Tls::Wrapper(tls) } else { Tls::Required(tls) });
        }
        let mailbox = |key, text: &str| {
            let hint = "write it like alerts@school.example";
            text.trim().parse::<Mailbox>().map_err(|_| (key, format!("{text:?} is no e-mail address"), hint))
        };
        let to: Vec<Mailbox> = to.iter().map(|text| mailbox("mail_to", text)).collect::<Result<_, _>>()?;
        if to.is_empty() {
            return Err(("mail_to", "nobody is named".to_owned(), "write who gets the alerts"));
        }
        Ok(Self { transport: builder.build(), from: mailbox("mail_from", from)?, to })
    }

    /// Sends a message, on a thread that may wait.
    pub(super) fn send(&self, message: &Message) -> Result<(), String> {
        let id = format!("<alert-{}@iclock>", message.at.timestamp_micros());
        let builder = lettre::Message::builder().from(self.from.clone()).message_id(Some(id)).subject(message.title());
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        let mail = builder.header(ContentType::TEXT_PLAIN).body(message.text()).map_err(|error| chain(&error))?;
        self.transport.send(&mail).map(drop).map_err(|error| chain(&error))
    }
}

fn is_of_this_computer(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn tls(host: &str, path: &Path) -> Result<TlsParameters, String> {
    let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let certificate = Certificate::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
    let parameters = TlsParameters::builder(host.to_owned()).add_root_certificate(certificate);
    parameters.build_rustls().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A mail server that takes one message, or none, and what it was told.
    fn server(takes: bool) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let told = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let (mut told, mut in_data) = (String::new(), false);
            stream.write_all(b"220 mail.example\r\n").unwrap();
            loop {
                let mut line = String::new();
                if lines.read_line(&mut line).unwrap_or_default() == 0 {
                    return told;
                }
                told.push_str(&line);
                let answer = match line.trim_end() {
                    "." => {
                        in_data = false;
                        "250 stored"
                    }
                    _ if in_data => continue,
                    "DATA" => {
                        in_data = true;
                        "354 go on"
                    }
                    "QUIT" => "221 bye",
                    line if line.starts_with("RCPT") && !takes => "550 nobody of that name",
                    _ => "250 mail.example",
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
            }
        });
        (url, told)
    }

    fn mail(url: &str) -> Mail {
        Mail::new(url, "iclock <alerts@school.example>", &["ann@school.example", "bob@school.example"], None).unwrap()
    }

    #[test]
    fn everybody_who_is_named_gets_title_and_text() {
        let (url, told) = server(true);
        mail(&url).send(&Message::test(chrono::DateTime::UNIX_EPOCH)).unwrap();
        let told = told.join().unwrap();
        for part in [
            "MAIL FROM:<alerts@school.example>",
            "RCPT TO:<ann@school.example>",
            "RCPT TO:<bob@school.example>",
            "Subject: iclock: a test, nothing is wrong\r\n",
            "Message-ID: <alert-0@iclock>\r\n",
            "Alerts of this program arrive here.",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let (url, told) = server(false);
        let problem = mail(&url).send(&Message::test(chrono::DateTime::UNIX_EPOCH)).unwrap_err();
        assert!(problem.contains("nobody of that name"), "{problem}");
        assert!(!told.join().unwrap().contains("Subject"));
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key_and_no_password_is_in_it() {
        for (url, from, to, key) in [
            ("smtp://u:hunter2@mail.example", "a@b.example", "c@d.example", "mail"),
            ("smtp://u:hunter2@mail.example?tls=opportunistic", "a@b.example", "c@d.example", "mail"),
            ("http://u:hunter2@mail.example", "a@b.example", "c@d.example", "mail"),
            ("hunter2", "a@b.example", "c@d.example", "mail"),
            ("smtps://u:hunter2@mail.example", "nobody", "c@d.example", "mail_from"),
            ("smtps://u:hunter2@mail.example", "a@b.example", "nobody", "mail_to"),
        ] {
            let refused = Mail::new(url, from, &[to], None).unwrap_err();
            assert_eq!(refused.0, key, "{url}");
            assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        }
        let fits = ["smtps://u:hunter2@mail.example", "smtp://mail.example:587?tls=required", "smtp://localhost"];
        for url in fits {
            let mail = Mail::new(url, "a@b.example", &["c@d.example"], None).unwrap();
            assert!(!format!("{mail:?}").contains("hunter2"));
        }
    }
}
