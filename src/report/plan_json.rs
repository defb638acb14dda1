//! A plan as a JSON document, version 1 (`schemas/plan.v1.schema.json`). It is what `-o` saves, too.

use super::diagnostics_json::{Item, items};
use crate::diag::{Code, Diagnostic, Severity};
use crate::plan::{Plan, checksum, short};
use crate::span::Files;
use serde::Serialize;
use serde_json::Value;

/// A plan with what only the run that made it knows.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Findings about the change.
    pub findings: &'a [Diagnostic],
    /// The files, if the plan was made from files just now.
    pub files: Option<&'a Files>,
    /// What is said of what the plan deletes: where it is not.
    pub absent: &'a str,
    /// The files' paths and hashes.
    pub sources: &'a [(String, String)],
    /// The call that applies exactly this plan, as it can be pasted; of a plan that is refused, the
    /// call with the consent that would let it pass.
    pub call: &'a str,
}

impl Shown<'_> {
    /// The overlay that was laid over the files, by the name that `--env` takes.
    fn overlay(&self) -> Option<&str> {
        let mut paths = self.sources.iter().map(|(path, _)| path);
        paths.find_map(|path| path.strip_prefix("env/")?.strip_suffix(".toml"))
    }

    /// `MESH on TARGET`, with the overlay if there is one.
    pub(super) fn head(&self) -> String {
        let over = self.overlay().map_or(String::new(), |name| format!(", overlay {name}"));
        format!("{} on {}{over}", self.plan.mesh, self.plan.target.name)
    }

    /// Of a plan that is refused, the digest that it has with the consent that would let it pass.
    pub(super) fn with_consent(&self) -> Option<&str> {
        self.plan.with_consent.as_ref().map(|with| short(&with.digest))
    }
}

/// Fields that are not part of a plan stand beside its own. Readers ignore what they do not know.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    applyable: bool,
    errored: bool,
    tool: Tool,
    sources: Vec<Source<'a>>,
    diagnostics: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    path: &'a str,
    sha256: &'a str,
}

/// The document.
pub fn document(shown: &Shown<'_>) -> String {
    let none = Files::default();
    let files = shown.files.unwrap_or(&none);
    let errored = shown.findings.iter().any(|d| d.severity == Severity::Error);
    let document = Document {
        plan: shown.plan,
        applyable: !errored && shown.plan.is_applyable(),
        errored,
        tool: Tool { name: "meshctl", version: env!("CARGO_PKG_VERSION") },
        sources: shown.sources.iter().map(|(path, sha256)| Source { path, sha256 }).collect(),
        diagnostics: items(shown.findings, files),
        checksum: None,
    };
    let bare = serde_json::to_value(&document).expect("invariant: the document is plain data");
    let document = Document { checksum: Some(checksum(&bare)), ..document };
    let mut text =
        serde_json::to_string_pretty(&document).expect("invariant: the document is plain data");
    text.push('\n');
    text
}

/// What the document of a saved plan says beside the plan: the findings (without their places, which
/// are those of files that may be gone) and the files' paths and hashes. A finding that is not the
/// plan's own, and that its digest does not cover, says so. What cannot be read is left out.
pub fn saved(
    plan: &Plan,
    document: &Value,
    codes: &[&'static Code],
) -> (Vec<Diagnostic>, Vec<(String, String)>) {
    let list = |key: &str| document.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let findings = list("diagnostics").into_iter().filter_map(|item| {
        let id = word(&item, "code")?;
        let code = codes.iter().find(|code| code.id == id)?;
        let message = word(&item, "message")?;
        let own = plan.findings.iter().any(|own| own.code == id && own.message == message);
        let message = match own {
            true => message,
            false => format!("seen while it was planned, not covered by the digest: {message}"),
        };
        let finding = Diagnostic::unplaced(code, message);
        Some(match word(&item, "help") {
            Some(help) => finding.help(help),
            None => finding,
        })
    });
    let sources = list("sources")
        .into_iter()
        .filter_map(|item| Some((word(&item, "path")?, word(&item, "sha256")?)));
    (findings.collect(), sources.collect())
}
