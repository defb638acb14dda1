//! Objects of Kubernetes that refer to definitions elsewhere: those of Flagger, Argo CD, Flux, Helm
//! controllers and Fleet.

use super::context::Cx;
use super::kustomize::joined;
use super::tree::Node;

/// Charts of App Mesh's own parts, which have no definition of a mesh.
pub(super) const CONTROLLERS: [&str; 6] = [
    "appmesh-controller",
    "appmesh-grafana",
    "appmesh-jaeger",
    "appmesh-prometheus",
    "appmesh-spire-agent",
    "appmesh-spire-server",
];

/// Where definitions are printed that something put into a cluster.
pub(super) const PRINTED: &str = "Import what it made: kubectl get -A -o yaml meshes,virtualnodes,virtualrouters,\
                       virtualservices,virtualgateways,gatewayroutes > all.yaml, or leave the file out \
                       with --exclude";

/// Reports an object that refers to definitions which are not among the sources; false if it does not.
pub(super) fn report(cx: &mut Cx<'_>, node: &Node) -> bool {
    let version = node.text_at("apiVersion").unwrap_or_default();
    let kind = node.text_at("kind").unwrap_or_default();
    let group = version.split('/').next().unwrap_or_default();
    let name = node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    if group == "flagger.app" && kind == "Canary" {
        let provider = node.at(&["spec", "provider"]).and_then(Node::text);
        if provider.is_some_and(|provider| !provider.starts_with("appmesh")) {
            return false;
        }
        cx.generator(
            node.loc,
            format!("Flagger made the virtual nodes, routers and services of the canary `{name}`"),
            "Import what it made too: kubectl get -A -o yaml \
             virtualnodes,virtualrouters,virtualservices > flagger.yaml",
        );
        return true;
    }
    let sources = match (group, kind) {
        ("argoproj.io", "Application") => sources(node.get("spec")),
        ("argoproj.io", "ApplicationSet") => sources(node.at(&["spec", "template", "spec"])),
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            vec![Source { path: node.at(&["spec", "path"]), chart: None }]
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            vec![Source { path: None, chart: node.at(&["spec", "chart", "spec", "chart"]) }]
        }
        ("helm.cattle.io", "HelmChart") => {
            vec![Source { path: None, chart: node.at(&["spec", "chart"]) }]
        }
        ("fleet.cattle.io", "GitRepo") => {
            let paths = node.at(&["spec", "paths"]).map(Node::items).unwrap_or_default();
            let source = |path| Source { path: Some(path), chart: None };
            match paths {
                [] => vec![Source { path: None, chart: None }],
                paths => paths.iter().map(source).collect(),
            }
        }
        _ => return false,
    };
    if sources.iter().all(|source| source.is_known(cx)) {
        return false;
    }
    let message =
        format!("the {kind} `{name}` refers to definitions that are not among the sources");
    cx.generator(node.loc, message, PRINTED);
    true
}

/// What an object refers to.
struct Source<'n> {
    /// A folder of a repository.
    path: Option<&'n Node>,
    /// A chart of Helm.
    chart: Option<&'n Node>,
}

/// The sources of an application of Argo CD.
fn sources(spec: Option<&Node>) -> Vec<Source<'_>> {
    let Some(spec) = spec else { return Vec::new() };
    let many = spec.get("sources").map(Node::items).unwrap_or_default();
    let all = spec.get("source").into_iter().chain(many);
    all.map(|one| Source { path: one.get("path"), chart: one.get("chart") }).collect()
}

impl Source<'_> {
    /// Whether it has no definition that is missing: a folder that is among the sources, or a chart of
    /// App Mesh's controller.
    fn is_known(&self, cx: &Cx<'_>) -> bool {
        if let Some(chart) = self.chart.and_then(Node::text) {
            let last = chart.rsplit('/').next().unwrap_or(chart);
            return CONTROLLERS.contains(&last);
        }
        let Some(path) = self.path.and_then(Node::text) else { return false };
        let path = joined("", path);
        let within = |own: &String| {
            let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("/{folder}/").contains(&format!("/{path}/"))
        };
        !path.is_empty() && cx.paths.iter().any(within)
    }
}
