//! Resources of Terraform that are made of definitions elsewhere: stacks of CloudFormation and charts.

use super::module::Declared;
use crate::import::context::Cx;
use crate::import::k8s_gitops::{CONTROLLERS, PRINTED};
use crate::import::makers;

/// Reports a resource whose definitions are not among the sources, and which may be some of the mesh; false
/// if it is none.
pub(super) fn report(cx: &mut Cx<'_>, declared: &Declared) -> bool {
    let name = &declared.name;
    let text: String = declared.parts.iter().map(|(_, part)| part.to_string()).collect();
    match declared.ty.as_str() {
        "aws_cloudformation_stack" | "aws_cloudformation_stack_set" => {
            let away = declared.attribute("template_url").is_some()
                || makers::files(&text, &cx.paths) == Some(false);
            if away {
                let message =
                    format!("the template of the stack `{name}` is not among the sources");
                let help = "Import its template too: aws cloudformation get-template --stack-name STACK \
                            --template-stage Processed > template.json";
                cx.generator(declared.loc, message, help);
            }
            away
        }
        "helm_release" if may_define(declared, &text) => {
            let message = format!("the chart of `{name}` makes definitions when it is installed");
            cx.generator(declared.loc, message, PRINTED);
            true
        }
        _ => false,
    }
}

/// Whether a chart is one of the repository's own, or one that speaks of a mesh, and is not App Mesh's
/// controller or another part without definitions.
fn may_define(declared: &Declared, text: &str) -> bool {
    let chart =
        declared.attribute("chart").map(|(_, chart)| chart.value.to_string()).unwrap_or_default();
    let chart = chart.trim().trim_matches('"');
    if CONTROLLERS.contains(&chart.rsplit('/').next().unwrap_or(chart)) {
        return false;
    }
    let own = chart.starts_with('.') || chart.contains("path.");
    own || text.to_ascii_lowercase().contains("mesh")
}
