//! The page as one document: markup, style, script and font in one, with the recording or without.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::record::Recording;

const MARKUP: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/page.css");
/// One script, in files by what they are about.
const SCRIPT: &str = concat!(
    include_str!("../assets/script/1-words.js"),
    include_str!("../assets/script/2-data.js"),
    include_str!("../assets/script/3-sentences.js"),
    include_str!("../assets/script/4-tracks.js"),
    include_str!("../assets/script/5-machine.js"),
    include_str!("../assets/script/6-detail.js"),
    include_str!("../assets/script/7-forms.js"),
    include_str!("../assets/script/8-page.js"),
);
/// The plot's font.
const REGULAR: &[u8] = include_bytes!("../../../functions/domain/chart/assets/Inter-Regular-subset.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../functions/domain/chart/assets/Inter-SemiBold-subset.ttf");

/// The page that asks where it came from for what goes on. The second text is the policy to serve it with.
pub(crate) fn live() -> (String, String) {
    let policy = policy("connect-src 'self'");
    (assemble("", &policy), format!("{policy}; frame-ancestors 'none'"))
}

/// The page over what was recorded: one file that needs no network, and may use none.
pub fn recorded(recording: &Recording) -> String {
    let data = serde_json::to_string(recording).unwrap_or_default();
    assemble(&in_markup(&data), &policy("connect-src 'none'"))
}

/// JSON that ends no element and begins no comment, whatever objects are called.
fn in_markup(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn assemble(data: &str, policy: &str) -> String {
    // The data come last: what they hold is not looked through.
    let page = MARKUP.replace("{{policy}}", policy).replace("{{style}}", &style()).replace("{{script}}", SCRIPT);
    page.replacen("{{data}}", data, 1)
}

fn style() -> String {
    STYLE.replace("{{regular}}", &STANDARD.encode(REGULAR)).replace("{{semi-bold}}", &STANDARD.encode(SEMI_BOLD))
}

/// Nothing but this very script and style is run, whatever gets into the page.
fn policy(connect: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let (script, style) = (hash(SCRIPT), hash(&style()));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; font-src data:; img-src data:; \
         base-uri 'none'; form-action 'none'; {connect}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, Run};
    use crate::watch::tests::nothing;

    #[test]
    fn a_name_ends_neither_the_data_nor_the_page() {
        let name = "</script><img src=x onerror=alert(1)><!--{{script}}";
        let run = Record::Run(Run { id: name.to_owned(), ..Run::default() });
        let recording = Recording { records: vec![run], ..nothing() };
        let page = recorded(&recording);
        assert!(!page.contains("<img") && !page.contains("</script><i"), "the name is in the page as it is");
        let (_, data) = page.split_once(r#"id="recording">"#).unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Recording>(data).unwrap(), recording);
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for text in [MARKUP, STYLE, SCRIPT] {
            let addresses: Vec<_> =
                text.match_indices("http").map(|(at, _)| &text[at..text.len().min(at + 40)]).collect();
            let foreign = |it: &&&str| !it.starts_with("http://www.w3.org/2000/svg") && !it.starts_with("http-equiv");
            assert_eq!(addresses.iter().filter(foreign).collect::<Vec<_>>(), Vec::<&&str>::new());
        }
        assert!(recorded(&nothing()).contains("connect-src 'none'"));
    }

    #[test]
    fn what_the_script_may_be_is_what_the_page_has() {
        let (page, policy) = live();
        let (_, script) = page.split_once("<script>").unwrap();
        let (script, _) = script.split_once("</script>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(script));
        assert!(policy.contains(&hash), "{policy} has no {hash}");
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&hash), "{policy} has no {hash}");
    }
}
