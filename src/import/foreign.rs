//! Texts that are no definitions but make some: templates of Helm, scripts, programs, articles, and what
//! runs commands (makefiles, pipelines, playbooks). The messages name what to import instead.

use super::codes;
use super::makers::{self, Maker};
use crate::diag::Diagnostic;
use crate::span::{FileId, Loc, Span};

/// What only templates of Go, as Helm has them, have between braces.
const MARKS: [&str; 10] = [
    "{{-",
    "-}}",
    "{{ include",
    "{{ template",
    "{{ if ",
    "{{ range",
    "{{ end",
    "| quote",
    "| default",
    "{% ",
];
/// What is said of a template, and what to import instead.
pub(super) const TEMPLATE: (&str, &str) = (
    "this is a template of Helm or another Go template, not what it makes",
    "Import what it makes: helm template CHART > all.yaml",
);
/// The same of what ends like a template of Jinja or ERB.
const RENDERED: (&str, &str) = (
    "this is a template of Jinja or a similar tool, not what it makes",
    "Import what that tool makes of it: the file that it renders",
);
/// The endings of programs.
const PROGRAMS: [&str; 26] = [
    ".ts",
    ".tsx",
    ".mts",
    ".cts",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".py",
    ".go",
    ".java",
    ".cs",
    ".fs",
    ".rb",
    ".kt",
    ".kts",
    ".scala",
    ".php",
    ".rs",
    ".swift",
    ".groovy",
    ".gradle",
    ".jsonnet",
    ".libsonnet",
    ".cue",
    ".pkl",
];
/// The endings of scripts.
const SCRIPTS: [&str; 9] =
    [".sh", ".bash", ".zsh", ".fish", ".ps1", ".psm1", ".bat", ".cmd", ".mk"];
/// The whole names, in small letters, of files of commands.
const COMMANDS: [&str; 11] = [
    "makefile",
    "gnumakefile",
    "dockerfile",
    "containerfile",
    "jenkinsfile",
    "justfile",
    "vagrantfile",
    "rakefile",
    "procfile",
    "tiltfile",
    "earthfile",
];
/// The endings of texts for people.
const ARTICLES: [&str; 5] = [".md", ".mdx", ".rst", ".adoc", ".html"];

/// Something that makes definitions.
#[derive(Debug)]
pub(super) struct Foreign {
    /// Its place.
    pub(super) loc: Loc,
    /// What it is.
    pub(super) message: String,
    /// What to import instead.
    pub(super) help: String,
    /// Whether it makes definitions that are not among the sources, as far as can be seen.
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

fn runs_commands(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let first = name.split('.').next().unwrap_or_default();
    let variant = COMMANDS.contains(&first) && !ends(&name, &[".json", ".yaml", ".yml"]);
    COMMANDS.contains(&name.as_str()) || variant || ends(path, &SCRIPTS)
}

/// Whether the name of a file says that it is a script, a program or an article, in any case of letters.
pub fn is_maker(path: &str) -> bool {
    runs_commands(path) || [&PROGRAMS[..], &ARTICLES].iter().any(|all| ends(path, all))
}

/// Whether the name of a file, or its first line, says that it is a script, a program or an article.
pub(super) fn is_by_name(path: &str, text: &str) -> bool {
    text.starts_with("#!") || is_maker(path)
}

/// What a text that is no definition is, and what to import instead. `paths` are those of all sources.
pub(super) fn explain(file: FileId, path: &str, text: &str, paths: &[String]) -> Option<Foreign> {
    let found = |at: usize, message: &str, help: &str, defines: bool| {
        let loc = place(file, text, at);
        Some(Foreign { loc, message: message.to_owned(), help: help.to_owned(), defines })
    };
    if text.starts_with("#!") || runs_commands(path) {
        let message = "this is a script, not the definitions that it passes on";
        if let Some((at, maker)) = makers::find(text, paths) {
            return found(at, message, maker.help(), true);
        }
        let kubectl = text.contains("appmesh.k8s.aws");
        let help = if kubectl { Maker::Objects.help() } else { Maker::Calls.help() };
        let at = text.find("aws appmesh").or_else(|| text.find("appmesh.k8s.aws")).unwrap_or(0);
        return found(makers::line(text, at), message, help, kubectl);
    }
    if ends(path, &PROGRAMS) {
        let message = "this is a program, not the definitions that it makes";
        let first = text.find("appmesh").unwrap_or(0);
        let (at, help, defines) = makers::program(path, text, paths).unwrap_or((
            first,
            "Import what it makes, as a file of its own",
            false,
        ));
        return found(makers::line(text, at), message, help, defines);
    }
    if ends(path, &ARTICLES) {
        let message = "this is a text for people, not a definition";
        let help = "Put the definitions that it shows into files of their own";
        return match makers::find(text, paths) {
            // Objects that a text shows may be parts of those of files; a here-document is run.
            Some((at, maker)) if maker != Maker::Objects || text[..at].contains("<<") => {
                found(at, message, maker.help(), true)
            }
            _ => found(0, message, help, false),
        };
    }
    let at = template(text)?;
    let (message, help) = if text.contains("{% ") { RENDERED } else { TEMPLATE };
    found(at, message, help, true)
}

/// What a text without definitions runs or holds, that makes some: a pipeline, a playbook, a program of
/// Pulumi in YAML, a template within other YAML.
pub(super) fn within(file: FileId, path: &str, text: &str, paths: &[String]) -> Option<Foreign> {
    let (at, maker) = makers::find(text, paths)?;
    let (message, help) = (maker.message(), maker.help_for(path, text));
    let loc = place(file, text, at);
    Some(Foreign { loc, message: message.to_owned(), help: help.to_owned(), defines: true })
}

/// The place of what starts at a byte of a text, to the end of its line.
fn place(file: FileId, text: &str, at: usize) -> Loc {
    let rest = &text[at..];
    let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len()).min(80);
    let end = (at..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(at);
    Loc { file, span: Span::new(at..end) }
}

/// Where a text shows that it is a template.
fn template(text: &str) -> Option<usize> {
    let at = text.find("{{").or_else(|| text.find("{% "))?;
    MARKS.iter().any(|mark| text.contains(mark)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Option<(String, bool)> {
        let found = explain(Loc::NOWHERE.file, path, text, &["mesh/a.json".to_owned()])?;
        Some((format!("{} {}", found.message, found.help), found.defines))
    }

    #[test]
    fn what_makes_definitions_is_told_from_them() {
        let has = |path: &str, text: &str, word: &str, defines: bool| {
            let (said, found) = said(path, text).unwrap_or_default();
            assert!(said.contains(word), "{path}: {said}");
            assert_eq!(found, defines, "{path}: {said}: {text}");
        };
        has("a.yaml", "kind: Mesh\n{{- if .Values.é }}\n", "Helm", true);
        has("a.yaml", "name: {{ .Values.x | quote }}", "Helm", true);
        has("a.yaml", "{% for n in nodes %}\nkind: VirtualNode\n{% endfor %}", "Jinja", true);
        has("a", "#!/bin/sh\naws appmesh create-mesh --mesh-name x", "script", true);
        has("Makefile", "m:\n\taws appmesh create-mesh --mesh-name x", "describe-*", true);
        let call = "aws appmesh create-mesh \\\n  --cli-input-json file://";
        has("a.sh", &format!("{call}a.json"), "script", false);
        has("a.sh", &format!("{call}b.json"), "script", true);
        has("a.sh", &format!("{call}$DIR/$f"), "script", false);
        has("a.sh", "# aws appmesh create-mesh --mesh-name x", "script", false);
        let objects = "kubectl apply -f - <<EOF\napiVersion: appmesh.k8s.aws/v1beta2";
        has("a.sh", objects, "kubectl", true);
        has("README.md", &format!("```\n{objects}\n```"), "kubectl get", true);
        has("README.md", "```\naws appmesh create-mesh --mesh-name x\n```", "describe-*", true);
        has("README.md", "```\napiVersion: appmesh.k8s.aws/v1beta2\n```", "people", false);
        has("README.md", "# Mesh", "people", false);
        has("mesh.ts", "import * as appmesh from 'aws-cdk-lib/aws-appmesh'", "cdk synth", true);
        has("mesh.py", "import pulumi_aws\nappmesh.Mesh('m')", "pulumi stack export", true);
        let boto = "c = boto3.client('appmesh')\nc.create_virtual_node(meshName='m')";
        has("mesh.py", boto, "describe-*", true);
        has("mesh.py", "c = boto3.client('appmesh')\nc.list_meshes()", "program", false);
        has(
            "mesh.go",
            "c.CreateVirtualNode(ctx, &appmesh.CreateVirtualNodeInput{})",
            "describe-*",
            true,
        );
        has("mesh.ts", "import { Construct } from 'cdktf'; new AppmeshMesh()", "cdktf synth", true);
        has("mesh.py", "from troposphere import appmesh", "troposphere", true);
        assert_eq!(said("a.yaml", "name: {{NAME}}: x"), None);
    }

    #[test]
    fn what_runs_commands_is_found_in_any_text() {
        let found = |path, text| {
            within(Loc::NOWHERE.file, path, text, &["a.json".to_owned()])
                .map(|one| one.message + &one.help)
        };
        for (path, text, word) in [
            (
                "x.yml",
                "steps:\n  - run: aws appmesh create-route --spec file://r.json",
                "describe-*",
            ),
            ("x.yml", "run: aws --region x appmesh create-mesh --mesh-name m", "describe-*"),
            ("Pulumi.yaml", "resources: { m: { type: aws:appmesh:Mesh } }", "pulumi stack export"),
            (
                "serverless.yml",
                "resources:\n  M:\n    Type: AWS::AppMesh::Mesh",
                "serverless package",
            ),
            ("cm.yaml", "data:\n  a: |\n    apiVersion: appmesh.k8s.aws/v1beta2", "kubectl get"),
        ] {
            assert!(found(path, text).is_some_and(|said| said.contains(word)), "{text}");
        }
        for text in [
            "arn: arn:aws:appmesh:eu-west-1:1:mesh/m",
            "apiGroups: [appmesh.k8s.aws]",
            "annotations: { appmesh.k8s.aws/mesh: m }",
            "Action: appmesh:StreamAggregatedResources",
            "run: aws appmesh create-mesh --cli-input-json file://a.json",
            "# aws appmesh create-mesh --mesh-name m",
            "run: aws appmesh describe-mesh --mesh-name m",
        ] {
            assert_eq!(found("x.yml", text), None, "{text}");
        }
    }
}
