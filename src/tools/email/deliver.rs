//! Handing a mail to a server, by SMTP. How far it has come decides what a failure means.

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response};

use super::{EmailAccount, EmailServer, Security};
use crate::tools::ToolError;

/// How far a mail has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No part of the mail itself was sent.
    NotSent,
    /// The mail is on its way, and the server has not said yet that it has it.
    Sent,
}

/// One mail on its way to the server.
pub(super) struct Delivery<'a> {
    account: &'a EmailAccount,
    credentials: Option<Credentials>,
    progress: Progress,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(account: &'a EmailAccount, credentials: Option<Credentials>) -> Self {
        Self { account, credentials, progress: Progress::NotSent }
    }

    pub(super) async fn run(&mut self, envelope: &Envelope, mail: &[u8]) -> Result<(), ToolError> {
        let mut connection = self.connect().await?;
        let mut options = Vec::new();
        if envelope.to().iter().chain(envelope.from()).any(|address| !address.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let message = self.says("it takes no addresses beyond ASCII");
                return Err(ToolError::give_up("bad_recipient", message));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let begun = connection.command(Mail::new(envelope.from().cloned(), options)).await;
        begun.map_err(|error| self.failed("it does not take the mail", &error))?;
        for address in envelope.to() {
            let taken = connection.command(Rcpt::new(address.clone(), Vec::new())).await;
            taken.map_err(|error| self.failed(&format!("it does not take mail for {address}"), &error))?;
        }
        connection.command(Data).await.map_err(|error| self.failed("it does not take the mail", &error))?;
        self.progress = Progress::Sent;
        let taken = connection.message(mail).await;
        taken.map_err(|error| self.failed("it did not take the mail", &error))?;
        // The server has it, whatever comes now.
        drop(connection.quit().await);
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, ToolError> {
        let EmailServer { host, port, security, .. } = &self.account.server;
        let (hello, failed) = (ClientId::default(), |error: Error| self.failed("no connection", &error));
        let tls = match security {
            Security::None => None,
            Security::Tls | Security::StartTls => Some(self.tls(host)?),
        };
        let first = if *security == Security::Tls { tls.clone() } else { None };
        let to = (host.as_str(), *port);
        let timeout = Some(self.account.timeout);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(to, timeout, &hello, first, None).await.map_err(failed)?;
        if let (Security::StartTls, Some(tls)) = (security, tls) {
            if !connection.can_starttls() {
                let message = self.says("it does not encrypt (STARTTLS), and nothing was sent");
                return Err(ToolError::give_up("no_tls", message));
            }
            connection.starttls(tls, &hello).await.map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let known = connection.auth(&mechanisms, credentials).await;
            known.map_err(|error| self.failed("it does not take the user and the password", &error))?;
        }
        Ok(connection)
    }

    fn tls(&self, host: &str) -> Result<TlsParameters, ToolError> {
        crate::net::install_tls();
        let mut parameters = TlsParameters::builder(host.to_owned());
        if let Some(ca) = &self.account.ca {
            parameters = parameters.add_root_certificate(ca.clone());
        }
        parameters.build().map_err(|error| ToolError::give_up("no_tls", self.says(&error.to_string())))
    }

    /// What it means that the mail was not sent in time.
    pub(super) fn timed_out(&self) -> ToolError {
        let timeout = humantime::format_duration(self.account.timeout);
        match self.progress {
            Progress::NotSent => ToolError::retry("timeout", self.says(&format!("no answer within {timeout}"))),
            Progress::Sent => {
                let message = self.says(&format!("it did not say within {timeout} that it has the mail"));
                ToolError::unknown("timeout", message)
            }
        }
    }

    /// What a failure means: one that the server tells of is certain, and a lost connection is not once the mail is sent.
    fn failed(&self, what: &str, error: &Error) -> ToolError {
        let detail = cause(error);
        let message = self.says(&format!("{what} ({detail})"));
        match error.status() {
            Some(code) if code.severity == response::Severity::PermanentNegativeCompletion => {
                ToolError::give_up("smtp", message)
            }
            Some(_) => ToolError::retry("smtp", message),
            None if self.progress == Progress::Sent => ToolError::unknown("lost", message),
            None if error.is_client() || error.is_tls() => ToolError::give_up("smtp", message),
            None => ToolError::retry("connect", message),
        }
    }

    fn says(&self, what: &str) -> String {
        format!("the mail server {}:{}: {what}", self.account.server.host, self.account.server.port)
    }
}

/// What went wrong, and what is below that.
fn cause(error: &Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        below = cause.source();
    }
    text
}
