//! The public examples of App Mesh: each is read, and what stands by itself becomes a project that
//! checks, renders, is accepted by Envoy, and is empty to plan once it is applied.

use crate::compile::{envoy, verdict};
use crate::support::sandbox::Sandbox;
use crate::support::{golden, root, shared};
use meshctl::compile::{compile, proxies};
use meshctl::envoy::oracle;
use meshctl::load;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// An example that stands by itself: what it is called, its sources, the flags that it needs.
struct Example {
    sources: &'static [&'static str],
    args: &'static [&'static str],
}

pub(crate) const VARS: [&str; 24] = [
    "MESH_NAME=colors",
    "APP_NAMESPACE=ns",
    "CLOUDMAP_NAMESPACE=ns.local",
    "MeshName=colors",
    "AppMeshMeshName=colors",
    "ProjectName=colors",
    "ServicesDomain=colors.local",
    "CertificateArn=arn:aws:acm:eu-west-1:111122223333:certificate/one",
    "CertificateAuthorityArn=arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/ca",
    "CERTIFICATE_ARN=arn:aws:acm:eu-west-1:111122223333:certificate/one",
    "ROOT_CA_ARN=arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/ca",
    "VIRTUALSERVICE_NAME=color.colors.local",
    "COLOR_TELLER_VS=color.colors.local",
    "DNS_HOSTNAME=color.colors.local",
    "FRONTEND_APP_SVID=spiffe://colors/front",
    "COLORAPP_BLUE_SVID=spiffe://colors/blue",
    "COLORAPP_RED_SVID=spiffe://colors/red",
    "COLORAPP_GREEN_SVID=spiffe://colors/green",
    "SVID_CA_TRUST_DOMAIN=spiffe://colors",
    "FRONTEND_CERT_CHAIN=front.pem",
    "EnableClientValidationFlag=true",
    "ColorGatewayTlsValidationPath=/keys/ca.pem",
    "CLIENT_APP_IMAGE=image",
    "COLOR_APP_IMAGE=image",
];

#[rustfmt::skip]
const EXAMPLES: &[Example] = &[
    Example { sources: &["blogs/ecs-cross-account"], args: &[] },
    Example {
        sources: &[
            "walkthroughs/eks-getting-started/infrastructure/appmesh_templates/appmesh-yelb-appserver.yaml",
            "walkthroughs/eks-getting-started/infrastructure/appmesh_templates/appmesh-yelb-db.yaml",
            "walkthroughs/eks-getting-started/infrastructure/appmesh_templates/appmesh-yelb-redis.yaml",
            "walkthroughs/eks-getting-started/infrastructure/appmesh_templates/appmesh-yelb-ui.yaml",
        ],
        args: &["--mesh", "yelb"],
    },
    Example {
        sources: &["walkthroughs/eks-getting-started"], args: &["--mesh", "yelb", "--override", "later"],
    },
    Example { sources: &["walkthroughs/howto-external-traffic"], args: &[] },
    Example { sources: &["walkthroughs/howto-grpc/mesh.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-grpc"], args: &["--override", "later"] },
    Example { sources: &["walkthroughs/howto-http2/mesh.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-http2"], args: &["--override", "LATER"] },
    Example {
        sources: &["walkthroughs/howto-ingress-gateway"],
        args: &[
            "--mesh", "colors", "--override", "later",
            // The scripts name these services; their files hold a spec alone.
            "--name", "colorteller-vs-1=colorteller-vs-1", "--name", "colorteller-vs-2=colorteller-vs-2",
        ],
    },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/custom-preference.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/mesh-v4-only.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/mesh-v4-preferred.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/mesh-v6-only.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/mesh-v6-preferred.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-ipv6/dns/mesh/override-mesh-preference.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-grpc/v1beta1"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-grpc/v1beta2"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-http-headers/v1beta1"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-http-ingress-v2/v1beta2"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-mtls-sds-based/v1beta2"], args: &["--allow-loss"] },
    Example { sources: &["walkthroughs/howto-k8s-multiple-listeners"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-retry-policy/v1beta1"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-retry-policy/v1beta2"], args: &[] },
    Example { sources: &["walkthroughs/howto-k8s-tls-file-based/v1beta2"], args: &[] },
    Example { sources: &["walkthroughs/howto-timeout-policy/mesh/mesh.yaml"], args: &[] },
    Example { sources: &["walkthroughs/howto-tls-file-provided"], args: &[] },
];

pub(crate) fn samples() -> Option<PathBuf> {
    shared("data/aws-app-mesh-examples").map(|path| path.canonicalize().unwrap())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("LICENSE") => {}
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Imports sources into a folder of the sandbox.
fn import(sandbox: &Sandbox, samples: &Path, sources: &[&str], args: &[&str], to: &str) -> i32 {
    let sources: Vec<PathBuf> = sources.iter().map(|source| samples.join(source)).collect();
    let mut all: Vec<&str> = vec!["import", "-o", to];
    all.extend(sources.iter().map(|source| source.to_str().unwrap()));
    for var in VARS {
        all.extend(["--var", var]);
    }
    all.extend(args);
    let ran = sandbox.run(&all);
    assert!([0, 3].contains(&ran.code), "{sources:?}: {}", ran.all());
    ran.code
}

fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        (path.strip_prefix(folder).unwrap().to_path_buf(), bytes)
    };
    files(folder).into_iter().map(read).collect()
}

#[test]
fn every_sample_file_is_read() {
    let Some(samples) = samples() else { return };
    let all = files(&samples);
    assert!(all.len() >= 79, "{} files", all.len());
    for path in all {
        let sandbox = Sandbox::new();
        let args = ["import", path.to_str().unwrap(), "--allow-loss", "--format", "json"];
        let ran = sandbox.run(&args);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let codes: Vec<&str> = document["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["code"].as_str().unwrap())
            .collect();
        // A route alone does not say where it belongs; nothing else may be wrong.
        assert!(codes.iter().all(|code| *code == "MC1111"), "{}: {}", path.display(), ran.all());
        assert_eq!(ran.code, if codes.is_empty() { 0 } else { 3 }, "{}", path.display());
    }
}

#[test]
fn examples_become_projects_that_check_render_and_apply() {
    let Some(samples) = samples() else { return };
    let envoy = envoy();
    let mut findings = String::new();
    for Example { sources, args } in EXAMPLES {
        let sandbox = Sandbox::new();
        let name = sources[0].trim_start_matches("walkthroughs/").trim_start_matches("blogs/");
        assert_eq!(import(&sandbox, &samples, sources, args, "one"), 0, "{name}");
        import(&sandbox, &samples, sources, args, "two");
        assert!(tree(&sandbox.join("one")) == tree(&sandbox.join("two")), "{name}");
        sandbox.run(&["-C", "one", "fmt", "--check"]).exits(0);
        let checked = sandbox.run(&["-C", "one", "check", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        let flags = args.join(" ");
        let _ = writeln!(findings, "{name} {flags}: check exits {}", checked.code);
        for found in document["diagnostics"].as_array().unwrap() {
            let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
            // What is only worth knowing is many a rule's, and no matter of an import.
            if text("severity") == "info" {
                continue;
            }
            let _ =
                writeln!(findings, "  {} {} {}", text("code"), text("severity"), text("address"));
        }
        if checked.code != 0 {
            continue;
        }
        sandbox.run(&["-C", "one", "render", "-o", "rendered"]).exits(0);
        let now = 1_801_353_600; // 2027-01-31
        let dir = sandbox.join("one");
        let options = load::Options { dir, env: None, extra: Default::default(), now };
        let loaded = load::load(&options).unwrap();
        for proxy in proxies(&loaded.mesh) {
            let settings = loaded.project.settings("/root");
            let yaml = oracle::fold(&compile(&loaded.mesh, &settings, &proxy)).unwrap();
            if let Err(error) = verdict(&envoy, sandbox.path(), &yaml) {
                panic!("{name} {proxy}: {error}\n{yaml}");
            }
        }
        sandbox.run(&["-C", "one", "apply", "--yes"]).exits(0);
        sandbox.run(&["-C", "one", "plan", "--detailed-exitcode"]).exits(0);
    }
    golden::check(&root().join("tests/cases/import-samples.txt"), &findings);
}
