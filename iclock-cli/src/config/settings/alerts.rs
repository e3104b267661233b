//! The keys of `[alerts]`.

use chrono::TimeDelta;

use super::super::AlertConfig;
use super::super::key::Shape::{List, Path, Secret, Span, Text, Whole};
use super::super::key::Shown::{ByDefault, Example};
use super::super::key::{Entry, Wrong, key, put, span, whole};
use super::schedule::quiet;
use crate::alerts::Way;

pub(in crate::config) fn entries() -> Vec<Entry<AlertConfig>> {
    vec![
        key(
            "command",
            Text,
            Example("mail -s attendance admin@school.example"),
            "The program that gets each alert on its standard input, and its arguments, quoted as for a shell. \
             ICLOCK_ALERT has the title.",
            |alerts: &mut AlertConfig, text| {
                let words = shlex::split(text).filter(|words| !words.is_empty()).ok_or_else(|| {
                    Wrong::new(
                        format!("{text:?} is no command"),
                        "write its path, then its arguments, with each quote closed",
                    )
                })?;
                alerts.ways.push(Way::Command(words));
                Ok(())
            },
        ),
        key(
            "webhook",
            Text,
            Example("https://school.example/hooks/alerts"),
            "The address that gets each alert as JSON.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.webhook, Ok(Some(text.to_owned()))),
        ),
        key(
            "webhook_token",
            Secret,
            Example("ENV:ALERT_TOKEN"),
            "What `webhook` gets as Authorization: Bearer.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.webhook_token, Ok(Some(text.to_owned()))),
        ),
        key(
            "webhook_secret",
            Secret,
            Example("ENV:ALERT_SECRET"),
            "Signs each request to `webhook`, by the Standard Webhooks.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.webhook_secret, Ok(Some(text.to_owned()))),
        ),
        key(
            "slack",
            Secret,
            Example("ENV:SLACK_URL"),
            "The address of an incoming webhook of Slack, Mattermost or Rocket.Chat.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.slack, Ok(Some(text.to_owned()))),
        ),
        key(
            "tls_ca",
            Path,
            Example("ca.pem"),
            "A PEM file of certificates that `webhook`, `slack` and the mail server may have.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.tls_ca, Ok(Some(text.to_owned()))),
        ),
        key(
            "proxy",
            Text,
            Example("none"),
            "The proxy for `webhook` and `slack`; none is no proxy. By default the general one.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.proxy, Ok(Some(text.to_owned()))),
        ),
        key(
            "no_proxy",
            Text,
            Example("localhost"),
            "What is called without it. By default the general setting.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.no_proxy, Ok(Some(text.to_owned()))),
        ),
        key(
            "mail",
            Secret,
            Example("ENV:ALERT_MAIL"),
            "The mail server that sends each alert: smtps://USER:PASSWORD@HOST, or smtp://…?tls=required.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.mail, Ok(Some(text.to_owned()))),
        ),
        key(
            "mail_from",
            Text,
            Example("alerts@school.example"),
            "The sender of the mails.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.mail_from, Ok(Some(text.to_owned()))),
        ),
        key(
            "mail_to",
            List,
            Example("ann@school.example,bob@school.example"),
            "Those who get them.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.mail_to, Ok(Some(text.to_owned()))),
        ),
        key(
            "after",
            Span,
            ByDefault("15m"),
            "How long a terminal or a sink may fail or be silent before that is an alert.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.limits.after, span(text)),
        ),
        key(
            "drift",
            Span,
            ByDefault("2m"),
            "The deviation of a terminal's clock beyond which that is an alert.",
            |alerts: &mut AlertConfig, text| {
                let wrong = |_| Wrong::new(format!("{text:?} is too long"), "write it like 2m");
                put(&mut alerts.limits.drift, span(text).and_then(|drift| TimeDelta::from_std(drift).map_err(wrong)))
            },
        ),
        key(
            "full",
            Whole(1, 100),
            ByDefault("90"),
            "The percent of a terminal's log from which that is an alert.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.limits.full, whole(text)),
        ),
        key(
            "refused",
            Whole(1, u64::MAX),
            ByDefault("10"),
            "The records of a terminal that are refused within an hour, from which that is an alert.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.limits.refused, whole(text)),
        ),
        key(
            "quiet",
            Text,
            Example("22:00-06:00"),
            "The hours in which nothing is sent, by the clock of this computer. What changes in them is sent together \
             afterwards.",
            |alerts: &mut AlertConfig, text| put(&mut alerts.quiet, quiet(text).map(Some)),
        ),
    ]
}
