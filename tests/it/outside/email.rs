//! `email.send`, against a real server; the mail that arrived is read by Python's own package.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::mail::MailServer;
use super::{call, set};
use crate::cli::stage::Stage;

const PASSWORD: &str = "p4ssw0rd of ada";

fn configured(server: &MailServer, address: &str, more: &str) -> Stage {
    let address = address.replace("PORT", &server.port.to_string());
    let config = format!(
        "[tools.email]\nserver = \"{address}\"\nfrom = \"Ada <ada@example.com>\"\n{more}\n[tools.files]\nroot = \"files\"\n"
    );
    Stage::new().with("callboard.toml", config)
}

#[test]
fn a_mail_arrives_as_it_was_meant() {
    let server = MailServer::start("plain", "");
    let photo: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let stage = configured(&server, "smtp://localhost:PORT", "").with("files/in/photo.png", &photo);
    let arguments = json!({
        "to": ["Bob Bär <bob@example.org>", "carl@example.org"], "cc": "dora@example.org", "bcc": ["eve@example.net"],
        "reply_to": "team@example.com", "subject": "Grüße, and a long subject that has to be folded somewhere ✓",
        "text": "Hello,\n.a line with a dot\nGrüße\n", "html": "<p>Hello <b>Bob</b> ✓</p>",
        "attachments": [{ "file": "in/photo.png" }, { "text": "a;b\n", "name": "figures.csv" }]
    });
    let sent = call(&stage, "email.send", &arguments).unwrap();
    assert_eq!(sent["recipients"], 4);
    let (mail, envelope) = server.mail(1);
    let headers = &mail["headers"];
    assert_eq!(envelope["to"], json!(["bob@example.org", "carl@example.org", "dora@example.org", "eve@example.net"]));
    assert_eq!(headers["subject"], arguments["subject"]);
    assert_eq!(headers["from"], "Ada <ada@example.com>");
    assert!(headers["to"].as_str().unwrap().contains("Bob Bär <bob@example.org>"), "{headers:#}");
    assert_eq!((&headers["cc"], &headers["reply-to"]), (&json!("dora@example.org"), &json!("team@example.com")));
    assert_eq!((headers.get("bcc"), &headers["message-id"]), (None, &sent["message_id"]));
    assert!(sent["message_id"].as_str().unwrap().ends_with("@example.com>") && headers["date"].is_string());
    let parts = &mail["body"]["parts"];
    assert_eq!(
        (&mail["body"]["type"], &parts[0]["type"]),
        (&json!("multipart/mixed"), &json!("multipart/alternative"))
    );
    let words = |nth: usize| parts[0]["parts"][nth]["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(
        (words(0).as_str(), words(1).as_str()),
        (arguments["text"].as_str().unwrap(), arguments["html"].as_str().unwrap())
    );
    assert_eq!((&parts[1]["name"], &parts[1]["type"]), (&json!("photo.png"), &json!("image/png")));
    assert_eq!(parts[1]["sha256"], Sha256::digest(&photo).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!((&parts[2]["name"], &parts[2]["text"]), (&json!("figures.csv"), &json!("a;b\n")));

    // No header can be made up by what is written.
    for wrong in [
        json!({ "to": "bob@example.org", "subject": "x\r\nBcc: eve@example.net", "text": "x" }),
        json!({ "to": "bob@example.org\r\nBcc: eve@example.net", "subject": "x", "text": "x" }),
        json!({ "to": "nobody at all", "subject": "x", "text": "x" }),
        json!({ "to": "bob@example.org", "subject": "x" }),
        json!({ "to": "bob@example.org", "subject": "x", "text": "x", "attachments": [{ "text": "x", "name": "a\r\nb" }] }),
    ] {
        let (code, message) = call(&stage, "email.send", &wrong).unwrap_err();
        assert!(["bad_arguments", "invalid_workflow"].contains(&code.as_str()), "{wrong}: {code}: {message}");
    }
    for (file, code) in [("../callboard.toml", "bad_path"), ("missing", "not_found")] {
        let wrong = json!({ "to": "b@example.org", "subject": "x", "text": "x", "attachments": [{ "file": file }] });
        assert_eq!(call(&stage, "email.send", &wrong).unwrap_err().0, code, "{file}");
    }
    assert_eq!(server.count(), 1);
}

#[test]
fn a_login_and_tls_are_used_as_configured() {
    let arguments = json!({ "to": "bob@example.org", "subject": "x", "text": "x" });
    for (mode, address, tls) in [
        ("auth", "smtp://ada%40example.com@localhost:PORT", false),
        ("starttls", "smtp://ada%40example.com@localhost:PORT?starttls", true),
        ("tls", "smtps://ada%40example.com@localhost:PORT", true),
    ] {
        let server = MailServer::start(mode, PASSWORD);
        let ca = if tls { format!("ca = \"{}\"", server.ca().display()) } else { String::new() };
        let stage = configured(&server, address, &format!("password = \"SMTP\"\n{ca}"));
        assert_eq!(call(&stage, "email.send", &arguments).unwrap_err().0, "no_such_secret", "{mode}");
        set(&stage, "SMTP", PASSWORD);
        call(&stage, "email.send", &arguments).unwrap();
        assert_eq!(server.mail(1).1["tls"], tls, "{mode}");

        // What the server says of a wrong login is told without the password.
        set(&stage, "SMTP", "another password");
        let (code, message) = call(&stage, "email.send", &arguments).unwrap_err();
        assert_eq!(code, "smtp", "{message}");
        assert!(
            message.contains("535") && message.contains("[secret SMTP]") && !message.contains("another"),
            "{message}"
        );
        if tls {
            // A certificate that nobody vouches for is not believed.
            let stage = configured(&server, address, "password = \"SMTP\"");
            set(&stage, "SMTP", PASSWORD);
            assert!(call(&stage, "email.send", &arguments).is_err(), "{mode}");
        }
        assert_eq!(server.count(), 1, "{mode}");
    }
    // A server that does not encrypt is not given the password.
    let server = MailServer::start("auth", PASSWORD);
    let stage = configured(&server, "smtp://ada%40example.com@localhost:PORT?starttls", "password = \"SMTP\"");
    set(&stage, "SMTP", PASSWORD);
    assert_eq!(call(&stage, "email.send", &arguments).unwrap_err().0, "no_tls");
}

#[test]
fn a_failure_says_whether_the_mail_may_have_gone() {
    let server = MailServer::start("plain", "");
    let stage = configured(
        &server,
        "smtp://localhost:PORT",
        "timeout = \"2s\"\nrecipients = [\"example.org\", \"eve@example.net\"]\nmax_bytes = \"20 KiB\"",
    );
    let to = |who: &str| json!({ "to": who, "subject": "x", "text": "x" });
    for (who, code) in [
        ("nobody@example.org", "smtp"),
        ("later@example.org", "smtp"),
        ("full@example.org", "smtp"),
        ("bob@example.com", "recipient_refused"),
        ("bob@sub.example.org", "recipient_refused"),
    ] {
        assert_eq!(call(&stage, "email.send", &to(who)).unwrap_err().0, code, "{who}");
    }
    call(&stage, "email.send", &to("eve@example.net")).unwrap();
    let large = json!({ "to": "bob@example.org", "subject": "x", "text": "x".repeat(30_000) });
    assert_eq!(call(&stage, "email.send", &large).unwrap_err().0, "too_large");

    // Handed over, and no word from the server: a person is asked, since a mail cannot be taken back.
    for who in ["silent@example.org", "drop@example.org"] {
        let before = server.count();
        let (_, message) = call(&stage, "email.send", &to(who)).unwrap_err();
        let questions = stage.json(&["questions"]);
        assert!(
            questions.to_string().contains("effect_unknown") || questions.to_string().contains("email.send"),
            "{message}: {questions:#}"
        );
        assert_eq!(server.count(), before + 1, "{who}");
    }
    // Nobody there: nothing was sent.
    drop(server);
    assert_eq!(call(&stage, "email.send", &to("bob@example.org")).unwrap_err().0, "connect");
}
