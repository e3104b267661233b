//! The ways by which alerts go out.

use iclock_sync::alert::Message;

use super::command;
#[cfg(feature = "mail")]
use super::mail::Mail;
#[cfg(feature = "http")]
use super::webhook::Webhook;

/// A way by which alerts go out.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// A program gets the text on its standard input.
    Command(Vec<String>),
    /// An address gets JSON.
    #[cfg(feature = "http")]
    Webhook(Box<Webhook>),
    /// Some people get an e-mail.
    #[cfg(feature = "mail")]
    Mail(Box<Mail>),
}

impl Way {
    /// The name in messages and in the state.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            #[cfg(feature = "http")]
            Self::Webhook(webhook) => webhook.name(),
            #[cfg(feature = "mail")]
            Self::Mail(_) => "mail",
        }
    }

    /// Sends a message, and waits until it is gone. The error is the problem, without secrets.
    pub(crate) fn send(&self, message: &Message) -> Result<(), String> {
        match self {
            Self::Command(words) => command::run(words, message),
            #[cfg(feature = "http")]
            Self::Webhook(webhook) => webhook.send(message),
            #[cfg(feature = "mail")]
            Self::Mail(mail) => mail.send(message),
        }
    }
}
