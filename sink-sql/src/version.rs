//! The oldest servers that are supported.

use attendance_model::{SinkError, SinkErrorKind};

/// A make of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    PostgreSql,
    MySql,
    MariaDb,
}

impl Product {
    fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The oldest supported version: the first with `ON CONFLICT`, or with expressions as defaults.
    fn oldest(self) -> [u32; 3] {
        match self {
            Self::PostgreSql => [9, 5, 0],
            Self::MySql => [8, 0, 13],
            Self::MariaDb => [10, 2, 0],
        }
    }
}

/// Refuses a server that is too old, by its own version text. A text that is not understood passes.
///
/// # Errors
/// [`SinkErrorKind::Schema`] with what is there and what is needed.
pub(crate) fn check(product: Product, said: &str, target: &str) -> Result<(), SinkError> {
    let oldest = product.oldest();
    match numbers(product, said) {
        Some(found) if found < oldest => {
            let [major, minor, patch] = oldest;
            let name = product.name();
            let what = format!("cannot use {target}: the server is {name} {said}");
            let needed = if patch == 0 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") };
            let hint = format!("update it to {name} {needed} or later");
            Err(SinkError::new(SinkErrorKind::Schema, what).hint(hint))
        }
        _ => Ok(()),
    }
}

fn numbers(product: Product, said: &str) -> Option<[u32; 3]> {
    // Some versions of MariaDB say that they are MySQL 5.5.5, for replicas of old, before their own number.
    let said = if product == Product::MariaDb { said.strip_prefix("5.5.5-").unwrap_or(said) } else { said };
    let mut parts = said.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    Some([parts.next()?, parts.next().unwrap_or(0), parts.next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_too_old_are_told_with_what_is_needed() {
        for (product, said, needed) in [
            (Product::PostgreSql, "9.4.26", "PostgreSQL 9.5"),
            (Product::MySql, "5.7.44-log", "MySQL 8.0.13"),
            (Product::MySql, "8.0.12", "MySQL 8.0.13"),
            (Product::MariaDb, "10.1.48-MariaDB", "MariaDB 10.2"),
            (Product::MariaDb, "5.5.5-10.1.48-MariaDB-1~bionic", "MariaDB 10.2"),
        ] {
            let error = check(product, said, "mysql://db/a#t").unwrap_err();
            assert_eq!((error.kind, error.is_transient()), (SinkErrorKind::Schema, false), "{said}");
            assert!(error.message.contains(said) && error.hint.unwrap().contains(needed), "{said}");
        }
    }

    #[test]
    fn servers_that_are_new_enough_are_let_through() {
        for (product, said) in [
            (Product::PostgreSql, "15.18 (Debian 15.18-0+deb12u1)"),
            (Product::PostgreSql, "9.5.0"),
            (Product::PostgreSql, "18beta1"),
            (Product::MySql, "8.0.13"),
            (Product::MySql, "9.1.0"),
            (Product::MariaDb, "5.5.5-10.11.6-MariaDB"),
            (Product::MariaDb, "11.4.2-MariaDB-ubu2404"),
            (Product::MySql, "of another make"),
        ] {
            check(product, said, "mysql://db/a#t").unwrap();
        }
    }
}
