//! The keys of `[[sink]]`. Their values pass through as text: the crate of the sink reads them.

use super::super::key::Key;
use super::super::key::Shape::{OneOf, Path, Secret, Span, Switch, Text, Whole};
use super::super::key::Shown::{ByDefault, Example, Required, Usual};

/// The schemes of the URLs that databases and files have.
const SQL: &[&str] = &["sqlite", "postgres", "mysql"];
const SERVERS: &[&str] = &["postgres", "mysql", "mongodb"];
const TLS: &[&str] = &["postgres", "mysql", "mongodb", "https", "frappe", "odoo", "firestore"];
/// Those that are called over HTTPS, perhaps through a proxy.
pub(in crate::config) const OUTGOING: &[&str] = &["https", "frappe", "odoo", "firestore"];
/// The schemes of servers that sign a user in with a password.
const USERS: &[&str] = &["postgres", "mysql", "mongodb", "odoo"];
const REQUESTS: &[&str] = &["sqlite", "firestore", "postgres", "mysql", "mongodb", "https", "frappe", "odoo"];
const NAMED: &[&str] = &["sqlite", "firestore", "postgres", "mysql", "mongodb", "csv", "jsonl"];

pub(super) fn keys() -> Vec<Key> {
    vec![
        Key::new("name", Text, Usual("local"), "The name in reports; unique. By default it is the scheme of the URL."),
        Key::new("url", Text, Required("sqlite:attendance.db"), "The database or the file that gets the events."),
        Key::new(
            "ids",
            OneOf(vec!["full", "iclock-sync-v1"]),
            Example("full"),
            "The ids of events: full, or iclock-sync-v1 for the Python tool's. Firestore has the latter by default, \
             other sinks the former.",
        ),
        Key::new(
            "names",
            Switch,
            ByDefault("false"),
            "Keeps people's names next to the events: a table, collection or file of its own, with a row for each \
             person at each terminal.",
        )
        .of(NAMED),
        Key::new("timeout", Span, ByDefault("30s"), "The longest that one request may take.").of(REQUESTS),
        Key::new("table", Text, ByDefault("attendance_events"), "The table, which is created if it is missing.")
            .of(SQL),
        Key::new("schema", Text, Example("hr"), "The schema of the table. By default the server chooses.")
            .of(&["postgres"]),
        Key::new("collection", Text, ByDefault("attendance_events"), "The collection.").of(&["mongodb"]),
        Key::new("password", Secret, Example("ENV:DB_PASSWORD"), "The password of the user.").of(USERS),
        Key::new(
            "tls",
            OneOf(vec!["disable", "prefer", "require", "verify-full"]),
            ByDefault("prefer"),
            "Encryption: disable, prefer, require, or verify-full, which checks the server's certificate.",
        )
        .of(&["postgres", "mysql"]),
        Key::new("tls_ca", Path, Example("ca.pem"), "A PEM file of certificates to trust.").of(TLS),
        Key::new(
            "proxy",
            Text,
            Example("http://192.0.2.9:3128"),
            "The proxy for this sink; none is no proxy. By default the general one.",
        )
        .of(OUTGOING),
        Key::new("no_proxy", Text, Example("localhost"), "What is called without it. By default the general setting.")
            .of(OUTGOING),
        Key::new("pool", Whole(1, u32::MAX as u64), ByDefault("4"), "The most connections at once.").of(SERVERS),
        Key::new(
            "credentials",
            Path,
            Example("config/firebase-key.json"),
            "The key file of a service account. By default application default credentials are used.",
        )
        .of(&["firestore"]),
        Key::new(
            "database",
            Text,
            ByDefault("(default)"),
            "The database of the project. That of Odoo has to be named.",
        )
        .of(&["firestore", "odoo"]),
        Key::new("emulator", Text, Example("127.0.0.1:8080"), "The address of an emulator, instead of the service.")
            .of(&["firestore"]),
        Key::new(
            "layout",
            OneOf(vec!["compatible", "full"]),
            ByDefault("compatible"),
            "compatible: the Python tool's five fields. full: these and a map of the rest.",
        )
        .of(&["firestore"]),
        Key::new(
            "time",
            OneOf(vec!["wall-clock-as-utc", "instant"]),
            ByDefault("wall-clock-as-utc"),
            "The timestamp of a document: wall-clock-as-utc, which SchoolSync reads, or instant for the true moment.",
        )
        .of(&["firestore"]),
        Key::new(
            "daily_writes",
            Whole(1, u64::MAX),
            Example("20000"),
            "The most writes in a day, such as what the free tier allows. The rest follows the next day. \
             By default there is no limit.",
        )
        .of(&["firestore"]),
        Key::new("secret", Secret, Example("ENV:HOOK_SECRET"), "Signs each request, by the Standard Webhooks.")
            .of(&["https"]),
        Key::new("token", Secret, Example("ENV:HOOK_TOKEN"), "Is sent as a bearer token.").of(&["https"]),
        Key::new("batch", Whole(1, 10_000), ByDefault("100"), "The most events in a request.").of(&["https"]),
        Key::new(
            "lookup",
            Text,
            Example("https://school.example/hooks/which"),
            "The address that says which events the receiver has, if there is one.",
        )
        .of(&["https"]),
        Key::new("api_key", Text, Example("0d4f2a7c91b3e58"), "The API key of a user of the site.").of(&["frappe"]),
        Key::new("api_secret", Secret, Example("ENV:FRAPPE_SECRET"), "The API secret of that user.").of(&["frappe"]),
        Key::new(
            "employee_field",
            Text,
            ByDefault("attendance_device_id"),
            "The field of an employee that has the terminal's user id. In Odoo barcode, the default there, or pin.",
        )
        .of(&["frappe", "odoo"]),
        Key::new(
            "app",
            OneOf(vec!["hrms", "erpnext"]),
            ByDefault("hrms"),
            "The app that has Employee Checkins: hrms, or erpnext for ERPNext 13 and earlier.",
        )
        .of(&["frappe"]),
        Key::new(
            "skip_auto_attendance",
            Switch,
            ByDefault("false"),
            "Keeps the checkins out of the site's automatic attendance.",
        )
        .of(&["frappe"]),
        Key::new(
            "login",
            Text,
            Example("clerk@school.example"),
            "The user of the site. Its password may be an API key.",
        )
        .of(&["odoo"]),
        Key::new(
            "zone",
            Text,
            Example("Indian/Maldives"),
            "The time zone by which days begin, and of terminals without one. By default that of each punch.",
        )
        .of(&["odoo"]),
        Key::new(
            "day_begins",
            Text,
            ByDefault("00:00"),
            "The hour at which a working day begins; with night shifts, one at which nobody works.",
        )
        .of(&["odoo"]),
        Key::new(
            "pairing",
            OneOf(vec!["declared", "in-turn", "first-and-last"]),
            ByDefault("declared"),
            "declared: in and out are what people pressed. in-turn: the punches of a day are in and out in turn. \
             first-and-last: only the first and the last punch of a day count.",
        )
        .of(&["odoo"]),
        Key::new(
            "rotate",
            Text,
            Example("day"),
            "When a new file begins: day, or a size such as 100MB. By default never.",
        )
        .of(&["csv", "jsonl"]),
    ]
}
