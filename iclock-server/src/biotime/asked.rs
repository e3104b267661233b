//! The parameters of a query, as programs for the vendor's server write them. Unknown ones are ignored, as it does.

/// The parameters of a query, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    pub(super) fn of(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The value of a parameter. One without a value is one that is not there, and the last of several counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let of_name = self.0.iter().rev().find(|(has, _)| has == name);
        of_name.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All but these, in their order.
    pub(super) fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others = self
            .0
            .iter()
            .filter(|(name, value)| !names.contains(&name.as_str()) && !name.is_empty() && !value.is_empty());
        others.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
