//! Texts that are no definitions but make some: templates of Helm, scripts, programs. What is said
//! of them is what to import instead.

use super::codes;
use crate::diag::Diagnostic;
use crate::span::{FileId, Loc, Span};

/// What only templates of Go, as Helm has them, have between braces.
const TEMPLATE: [&str; 9] = [
    "{{-",
    "-}}",
    "{{ include",
    "{{ template",
    "{{ if ",
    "{{ range",
    "{{ end",
    "| quote",
    "| default",
];
/// The endings of programs.
const PROGRAMS: [&str; 8] = [".ts", ".js", ".py", ".go", ".java", ".cs", ".rb", ".kt"];

/// What a text that cannot be read is, if it is something else than what it was taken for.
pub(super) fn explain(file: FileId, path: &str, text: &str) -> Option<Diagnostic> {
    let named = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    let (at, message, help) = if let Some(at) = template(text) {
        let message = "this is a template of Helm or another Go template, not what it makes";
        (at, message, "import what it makes: helm template CHART > all.yaml")
    } else if text.starts_with("#!") || named(&[".sh", ".bash"]) {
        let message = "this is a script, not the definitions that it passes on";
        let help = "put the JSON that it gives to `aws appmesh` into files of their own, or import \
                    what `aws appmesh describe-*` prints";
        (0, message, help)
    } else if named(&PROGRAMS) {
        let message = "this is a program, not the definitions that it makes";
        (0, message, "import what it makes: for CDK what `cdk synth` prints")
    } else if named(&[".md", ".rst", ".adoc", ".html"]) {
        let message = "this is a text for people, not a definition";
        (0, message, "put the definitions that it shows into files of their own")
    } else {
        return None;
    };
    let rest = &text[at..];
    let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len()).min(80);
    let end = (at..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(at);
    let loc = Loc { file, span: Span::new(at..end) };
    Some(Diagnostic::new(&codes::SYNTAX, loc, message).help(help))
}

/// Where a text shows that it is a template.
fn template(text: &str) -> Option<usize> {
    let at = text.find("{{")?;
    TEMPLATE.iter().any(|mark| text.contains(mark)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_definitions_is_told_from_them() {
        let said = |path: &str, text: &str| {
            explain(Loc::NOWHERE.file, path, text).map(|found| found.message)
        };
        let has = |path, text, word: &str| {
            assert!(said(path, text).is_some_and(|said| said.contains(word)), "{path} {text}");
        };
        has("a.yaml", "kind: Mesh\n{{- if .Values.é }}\n", "Helm");
        has("a.yaml", "name: {{ .Values.x | quote }}", "Helm");
        has("a", "#!/bin/sh\naws appmesh", "script");
        has("mesh.ts", "new Mesh()", "program");
        has("README.md", "# Mesh", "people");
        assert_eq!(said("a.yaml", "name: {{NAME}}: x"), None);
    }
}
