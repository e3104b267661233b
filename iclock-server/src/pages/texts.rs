//! The words of the pages: one catalogue (Fluent) for each language.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// The languages, the first of which is taken if a reader understands none.
const LANGUAGES: [(Language, &str); 2] =
    [(Language::English, include_str!("../../texts/en.ftl")), (Language::Arabic, include_str!("../../texts/ar.ftl"))];

static TEXTS: LazyLock<Vec<Bundle>> =
    LazyLock::new(|| LANGUAGES.iter().map(|(one, text)| bundle(*one, text)).collect());

type Bundle = FluentBundle<FluentResource>;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Arabic,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Arabic];

    /// Its code, as in HTML.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Arabic => "ar",
        }
    }

    /// Its own name for itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Arabic => "العربية",
        }
    }

    /// The direction in which it is written.
    pub(super) const fn direction(self) -> &'static str {
        match self {
            Self::English => "ltr",
            Self::Arabic => "rtl",
        }
    }

    pub(super) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// The one that a browser would rather have, by its `Accept-Language`.
    pub(super) fn preferred(accepted: &str) -> Self {
        let mut ranked: Vec<(u16, Self)> = accepted
            .split(',')
            .filter_map(|entry| {
                let (tag, weight) = entry.split_once(";q=").unwrap_or((entry, "1"));
                let code = tag.trim().split('-').next()?;
                // A thousandth is as fine as weights get.
                let weight = weight.trim().parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
                Some(((weight * 1_000.0) as u16, Self::of_code(code)?))
            })
            .collect();
        ranked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        ranked.first().map_or(Self::English, |(_, language)| *language)
    }

    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }

    /// The text of a key. One that is missing is shown as its key; a test finds those.
    pub(super) fn text(self, key: &str, arguments: &[(&str, FluentValue<'_>)]) -> String {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or(0);
        let Some(bundle) = TEXTS.get(at) else { return key.to_owned() };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { return key.to_owned() };
        let arguments: FluentArgs<'_> = arguments.iter().cloned().collect();
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

fn bundle(language: Language, text: &str) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language.identifier()]);
    // A test reads both catalogues and finds no error.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn keys(text: &str) -> BTreeSet<&str> {
        let keys = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        keys.filter_map(|line| Some(line.split_once(" =")?.0)).collect()
    }

    /// The keys that templates and code ask for, by the quotes around them.
    fn asked(text: &str) -> BTreeSet<&str> {
        let mut asked = BTreeSet::new();
        for call in ["page.t(", "page.count(", "page.name(", "page.two(", "self.t(", "self.count("] {
            for rest in text.split(call).skip(1) {
                let key = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                asked.extend(key);
            }
        }
        asked
    }

    #[test]
    fn every_catalogue_can_be_read_and_has_the_same_keys() {
        for (language, text) in LANGUAGES {
            assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{language:?}");
            let english = keys(LANGUAGES[0].1);
            let (missing, more): (Vec<_>, Vec<_>) = (
                english.difference(&keys(text)).copied().collect(),
                keys(text).difference(&english).copied().collect(),
            );
            assert!(missing.is_empty() && more.is_empty(), "{language:?} lacks {missing:?} and has {more:?}");
        }
    }

    #[test]
    fn every_key_that_a_page_asks_for_is_there_and_none_is_left_over() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = Vec::new();
        for folder in ["templates", "src/pages"] {
            let files = std::fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path());
            // Not this file, which has such calls in quotes.
            let files = files.filter(|path| !path.ends_with("texts.rs"));
            texts.extend(files.map(|path| std::fs::read_to_string(path).unwrap()));
        }
        let known = keys(LANGUAGES[0].1);
        let asked: BTreeSet<&str> = texts.iter().flat_map(|text| asked(text)).collect();
        let missing: Vec<_> = asked.difference(&known).collect();
        assert!(missing.is_empty(), "{missing:?}");
        // Some are put together: `activity-` and a word.
        let is_used = |key: &&str| {
            let whole = format!("\"{key}\"");
            let stem = key.rsplit_once('-').map(|(stem, _)| format!("\"{stem}-{{"));
            texts.iter().any(|text| text.contains(&whole) || stem.as_ref().is_some_and(|stem| text.contains(stem)))
        };
        let unused: Vec<_> = known.iter().filter(|key| !is_used(key)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn a_browser_gets_the_language_that_it_ranks_first_among_ours() {
        for (accepted, language) in [
            ("", Language::English),
            ("dv, fr;q=0.5", Language::English),
            ("ar", Language::Arabic),
            ("en;q=0.5, ar-EG;q=0.9", Language::Arabic),
            ("en-GB,en;q=0.9,ar;q=0.8", Language::English),
            ("ar;q=nonsense, ar;q=9", Language::English),
        ] {
            assert_eq!(Language::preferred(accepted), language, "{accepted}");
        }
    }

    #[test]
    fn counts_have_their_plural() {
        let text = |language: Language, count: u64| language.text("ago-minutes", &[("count", count.into())]);
        assert!(text(Language::English, 1).contains("1\u{2069} min ago"), "{}", text(Language::English, 1));
        let arabic: BTreeSet<String> =
            [2, 3, 11].map(|count| Language::Arabic.text("people-count", &[("count", count.into())])).into();
        assert_eq!(arabic.len(), 3);
        assert_eq!(Language::English.text("no-such-key", &[]), "no-such-key");
    }
}
