//! Findings in the formats of others: SARIF, GitHub annotations, JUnit.

use crate::diag::{Diagnostic, Severity};
use crate::span::Files;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// GitHub shows ten annotations of a kind and step; one place is kept for the count of the rest.
const GITHUB_MAX: usize = 9;

/// SARIF 2.1.0.
pub fn sarif(diagnostics: &[Diagnostic], files: &Files) -> String {
    let mut rules = BTreeMap::new();
    for diagnostic in diagnostics {
        let code = diagnostic.code;
        rules.entry(code.id).or_insert_with(|| {
            json!({
                "id": code.id,
                "name": code.name,
                "shortDescription": { "text": code.summary },
                "fullDescription": { "text": code.explanation },
                "defaultConfiguration": { "level": level(code.severity) },
            })
        });
    }
    let results: Vec<serde_json::Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let mut text = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                let _ = write!(text, "\n{help}");
            }
            let place = |loc| {
                let (start, end) = (files.start(loc), files.end(loc));
                json!({ "physicalLocation": {
                    "artifactLocation": { "uri": uri(files.get(loc.file).in_repository()) },
                    "region": {
                        "startLine": start.line, "startColumn": start.column,
                        "endLine": end.line, "endColumn": end.column,
                    },
                } })
            };
            let identity = Sha256::digest(
                format!(
                    "{}\n{}\n{}",
                    diagnostic.code.id,
                    diagnostic.address.as_deref().unwrap_or_default(),
                    diagnostic.message
                )
                .as_bytes(),
            );
            let fingerprint: String =
                identity.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let mut result = json!({
                "ruleId": diagnostic.code.id,
                "level": level(diagnostic.severity),
                "message": { "text": text },
                "partialFingerprints": { "meshctl/v1": fingerprint },
            });
            if let Some(primary) = &diagnostic.primary {
                result["locations"] = json!([place(primary.loc)]);
            }
            if !diagnostic.related.is_empty() {
                let related: Vec<_> = diagnostic
                    .related
                    .iter()
                    .map(|label| {
                        let mut at = place(label.loc);
                        at["message"] = json!({ "text": label.text });
                        at
                    })
                    .collect();
                result["relatedLocations"] = json!(related);
            }
            result
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "meshctl",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// GitHub workflow commands: at most nine a kind, then one that counts the rest.
pub fn github(diagnostics: &[Diagnostic], files: &Files) -> String {
    let mut text = String::new();
    for (severity, word) in
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "notice")]
    {
        let of_kind: Vec<&Diagnostic> =
            diagnostics.iter().filter(|d| d.severity == severity).collect();
        for diagnostic in of_kind.iter().take(GITHUB_MAX) {
            let mut properties = Vec::new();
            if let Some(primary) = &diagnostic.primary {
                let (start, end) = (files.start(primary.loc), files.end(primary.loc));
                properties.push(format!(
                    "file={}",
                    property(files.get(primary.loc.file).in_repository())
                ));
                properties.push(format!("line={}", start.line));
                // Columns of a span over several lines would be read as those of one line.
                if start.line == end.line {
                    properties.push(format!("col={}", start.column));
                    properties.push(format!("endColumn={}", end.column));
                } else {
                    properties.push(format!("endLine={}", end.line));
                }
            }
            let title = format!("{} {}", diagnostic.code.id, diagnostic.code.name);
            properties.push(format!("title={}", property(&title)));
            let mut message = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                let _ = write!(message, "\n{help}");
            }
            let _ = writeln!(text, "::{word} {}::{}", properties.join(","), data(&message));
        }
        if of_kind.len() > GITHUB_MAX {
            let rest = of_kind.len() - GITHUB_MAX;
            let _ = writeln!(text, "::{word}::and {rest} more; the text format shows them all");
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// JUnit: a test case a file, failed if it has errors or warnings.
pub fn junit(diagnostics: &[Diagnostic], files: &Files) -> String {
    let mut by_file: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for (_, file) in files.iter() {
        by_file.entry(file.in_repository()).or_default();
    }
    for diagnostic in diagnostics {
        let path = diagnostic
            .primary
            .as_ref()
            .map_or("meshctl.toml", |label| files.get(label.loc.file).in_repository());
        by_file.entry(path).or_default().push(diagnostic);
    }
    let failures =
        by_file.values().filter(|found| found.iter().any(|d| d.severity > Severity::Info)).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites><testsuite name=\"meshctl check\" tests=\"{}\" failures=\"{failures}\">",
        by_file.len()
    );
    for (path, found) in by_file {
        let _ = write!(text, "<testcase classname=\"meshctl\" name=\"{}\">", xml(path));
        for diagnostic in found.iter().filter(|d| d.severity > Severity::Info) {
            let _ = write!(
                text,
                "\n<failure type=\"{}\" message=\"{}\">{}</failure>",
                diagnostic.code.id,
                xml(&diagnostic.message),
                xml(&super::diagnostics::line(diagnostic, files)),
            );
        }
        text.push_str("</testcase>\n");
    }
    text.push_str("</testsuite></testsuites>\n");
    text
}

/// Text in XML, as content or in quotes.
pub(super) fn xml(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\n' => "&#10;".to_owned(),
            // XML 1.0 has no place for other control characters, not even escaped.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
