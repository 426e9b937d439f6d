//! A real mail server: aiosmtpd, with or without a login and TLS.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::python;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/mail.py");

/// A mail server that stops with the test.
pub(super) struct MailServer {
    child: Child,
    pub(super) port: u16,
    folder: TempDir,
}

impl MailServer {
    /// `mode`: `plain`, `auth`, `starttls` or `tls`. The user is ada@example.com.
    pub(super) fn start(mode: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), password).unwrap();
        let mut command = python();
        command.args([SCRIPT, "serve"]).arg(folder.path()).arg(mode);
        if mode.ends_with("tls") {
            certificate(folder.path());
            command.args([folder.path().join("cert.pem"), folder.path().join("key.pem")]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the mail server did not say its port");
        Self { child, port, folder }
    }

    /// The certificate that it shows.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// How many mails it has taken.
    pub(super) fn count(&self) -> usize {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "eml")).count()
    }

    /// What the nth mail says, and to whom it went.
    pub(super) fn mail(&self, nth: usize) -> (Value, Value) {
        let file = self.folder.path().join(format!("{nth}.eml"));
        let read = python().args([SCRIPT, "read"]).arg(file).output().unwrap();
        let envelope = std::fs::read(self.folder.path().join(format!("{nth}.json"))).unwrap();
        (serde_json::from_slice(&read.stdout).unwrap(), serde_json::from_slice(&envelope).unwrap())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate for localhost, signed by itself.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
