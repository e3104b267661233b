//! The parameters of a request.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

use crate::Text;

/// The parameters, in their order. Names differ in case between firmware versions; the first of a name counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<Parameter>);

/// One parameter.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name as it came.
    pub name: Text,
    /// The value, percent-decoded. A `+` stays a `+`, because firmware versions contain it.
    pub value: Text,
}

/// Parameters that are never printed.
const SECRETS: [&str; 3] = ["pushcommkey", "ComKey", "authKey"];

/// The characters that terminals encode, and those that would end a value.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'<').add(b'>').add(b'=');

impl Query {
    /// The largest number of parameters; further ones are ignored.
    pub const MAX: usize = 64;

    /// Reads a query. Nothing in it is an error: a wrong escape stays as it is.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(Self::MAX).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Parameter { name: decode(name), value: decode(value) }
        });
        Self(pairs.collect())
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Text>) -> Self {
        self.0.push(Parameter { name: name.into(), value: value.into() });
        self
    }

    /// The value of the first parameter of this name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Text> {
        self.0.iter().find(|parameter| parameter.name.is(name)).map(|parameter| &parameter.value)
    }

    /// Returns true if a parameter of this name comes twice with different values.
    #[must_use]
    pub fn contradicts_itself(&self, name: &str) -> bool {
        let first = self.get(name);
        self.0.iter().any(|parameter| parameter.name.is(name) && Some(&parameter.value) != first)
    }

    /// The parameters, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Query {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn decode(text: &str) -> Text {
    Text::from(bytes::Bytes::from(percent_decode_str(text).collect::<Vec<u8>>()))
}

/// Writes the query with its values encoded, secrets included.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Parameter { name, value }) in self.0.iter().enumerate() {
            let separator = if at > 0 { "&" } else { "" };
            let (name, value) = (percent_encode(name.as_bytes(), ENCODED), percent_encode(value.as_bytes(), ENCODED));
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// Shows `name=value`, and `name=(..)` for keys.
impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value } = self;
        if SECRETS.iter().any(|secret| name.is(secret)) {
            write!(f, "{name}=(..)")
        } else {
            write!(f, "{name}={value:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_a_plus_stays() {
        let query = Query::parse("sn=A1&INFO=Ver%202.0+1,,%zz&DeviceType=middle%20east&x&SN=B2");
        assert_eq!(query.get("SN"), Some(&"A1".into()));
        assert_eq!(query.get("info"), Some(&"Ver 2.0+1,,%zz".into()));
        assert_eq!(query.get("DEVICETYPE"), Some(&"middle east".into()));
        assert_eq!(query.get("x"), Some(&"".into()));
        assert!(query.contradicts_itself("SN") && !query.contradicts_itself("INFO"));
    }

    #[test]
    fn a_key_is_never_printed() {
        let query = Query::parse("SN=1&pushcommkey=4a9594af&COMKEY=88888888");
        let shown = format!("{query:?}");
        assert!(!shown.contains("4a95") && !shown.contains("8888"), "{shown}");
    }

    #[test]
    fn more_parameters_than_the_cap_are_ignored() {
        assert_eq!(Query::parse(&"a=1&".repeat(1000)).iter().count(), Query::MAX);
    }
}
