//! Texts that are no definitions but make some: templates of Helm, scripts, programs, articles. The
//! messages name what to import instead.

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
const PROGRAMS: [&str; 9] = [".ts", ".js", ".py", ".go", ".java", ".cs", ".rb", ".kt", ".mjs"];
/// The endings of scripts.
const SCRIPTS: [&str; 5] = [".sh", ".bash", ".zsh", ".ps1", ".bat"];
/// The endings of texts for people.
const ARTICLES: [&str; 4] = [".md", ".rst", ".adoc", ".html"];

/// Something that makes definitions.
pub(super) struct Foreign {
    /// Its place.
    pub(super) loc: Loc,
    /// What it is.
    pub(super) message: String,
    /// What to import instead.
    pub(super) help: String,
    /// Whether definitions can be seen in it, rather than only the name of App Mesh.
    pub(super) defines: bool,
}

impl Foreign {
    /// What is reported of it where it is an error.
    pub(super) fn error(self) -> Diagnostic {
        Diagnostic::new(&codes::GENERATOR, self.loc, self.message).help(self.help)
    }
}

fn ends(path: &str, endings: &[&str]) -> bool {
    let path = path.to_ascii_lowercase();
    endings.iter().any(|ending| path.ends_with(ending))
}

/// Whether the name of a file says that it is a script, a program or an article, in any case of letters.
pub fn is_maker(path: &str) -> bool {
    [&SCRIPTS[..], &PROGRAMS, &ARTICLES].iter().any(|all| ends(path, all))
}

/// Whether the name of a file, or its first line, says that it is a script, a program or an article.
pub(super) fn is_by_name(path: &str, text: &str) -> bool {
    text.starts_with("#!") || is_maker(path)
}

/// What a text that is no definition is, and what to import instead.
pub(super) fn explain(file: FileId, path: &str, text: &str) -> Option<Foreign> {
    let kubectl = text.contains("appmesh.k8s.aws");
    let here = |at: usize, message: &str, help: &str, defines: bool| {
        let rest = &text[at..];
        let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len()).min(80);
        let end = (at..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(at);
        let loc = Loc { file, span: Span::new(at..end) };
        Some(Foreign { loc, message: message.to_owned(), help: help.to_owned(), defines })
    };
    if text.starts_with("#!") || ends(path, &SCRIPTS) {
        let at = text.find("aws appmesh").or_else(|| text.find("appmesh.k8s.aws")).unwrap_or(0);
        let at = text[..at].rfind('\n').map_or(0, |line| line + 1);
        let message = "this is a script, not the definitions that it passes on";
        let help = if kubectl {
            "Put the objects between `<<EOF` and `EOF` into a YAML file of their own, or import what \
             `kubectl get -A -o yaml meshes,virtualnodes,virtualrouters,virtualservices,\
             virtualgateways,gatewayroutes` prints"
        } else {
            "Put the JSON that it gives to `aws appmesh` into files of their own, or import what \
             `aws appmesh describe-*` printed"
        };
        return here(at, message, help, kubectl || passes_json(text));
    }
    if ends(path, &PROGRAMS) {
        let message = "this is a program, not the definitions that it makes";
        let at = text.find("appmesh").unwrap_or(0);
        let at = text[..at].rfind('\n').map_or(0, |line| line + 1);
        return match text.contains("pulumi") {
            true => here(
                at,
                message,
                "Import the state of the Pulumi stack: pulumi stack export > stack.json",
                true,
            ),
            false => here(
                at,
                message,
                "Import what it makes: cdk synth > template.yaml",
                text.contains("cdk"),
            ),
        };
    }
    if ends(path, &ARTICLES) {
        let message = "this is a text for people, not a definition";
        return here(
            0,
            message,
            "Put the definitions that it shows into files of their own",
            false,
        );
    }
    let at = template(text)?;
    let message = "this is a template of Helm or another Go template, not what it makes";
    here(at, message, "Import what it makes: helm template CHART > all.yaml", true)
}

/// Whether a script writes the JSON of a definition out, rather than naming a file that has it.
fn passes_json(text: &str) -> bool {
    let calls = ["aws appmesh create-", "aws appmesh update-"];
    let call = |line: &&str| calls.iter().any(|call| line.contains(call));
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    joined.lines().filter(call).any(|line| !line.contains("file://"))
}

/// Where a text shows that it is a template.
fn template(text: &str) -> Option<usize> {
    let at = text.find("{{")?;
    TEMPLATE.iter().any(|mark| text.contains(mark)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Option<(String, bool)> {
        let found = explain(Loc::NOWHERE.file, path, text)?;
        Some((format!("{} {}", found.message, found.help), found.defines))
    }

    #[test]
    fn what_makes_definitions_is_told_from_them() {
        let has = |path, text, word: &str, defines: bool| {
            let (text, found) = said(path, text).unwrap_or_default();
            assert!(text.contains(word), "{path}: {text}");
            assert_eq!(found, defines, "{path}: {text}");
        };
        has("a.yaml", "kind: Mesh\n{{- if .Values.é }}\n", "Helm", true);
        has("a.yaml", "name: {{ .Values.x | quote }}", "Helm", true);
        has("a", "#!/bin/sh\naws appmesh create-mesh --mesh-name x", "script", true);
        has(
            "a.sh",
            "aws appmesh create-mesh \\\n  --cli-input-json file://m.json",
            "script",
            false,
        );
        has(
            "a.sh",
            "kubectl apply -f - <<EOF\napiVersion: appmesh.k8s.aws/v1beta2",
            "kubectl",
            true,
        );
        has("mesh.ts", "import * as appmesh from 'aws-cdk-lib/aws-appmesh'", "cdk synth", true);
        has("mesh.py", "import pulumi_aws\nappmesh.Mesh('m')", "pulumi stack export", true);
        has("README.md", "# Mesh", "people", false);
        assert_eq!(said("a.yaml", "name: {{NAME}}: x"), None);
    }
}
