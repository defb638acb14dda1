//! What people really hold, and what an import of it must not conclude, lose or stumble over.

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::shared;
use std::fs;
use std::time::{Duration, Instant};

/// Runs `meshctl import` on a file or folder of the shared cases.
fn case(path: &str, args: &[&str]) -> Option<Ran> {
    let source = shared(&format!("cases/import/{path}"))?.display().to_string();
    let sandbox = Sandbox::new();
    let all: Vec<&str> = ["import", source.as_str()].iter().chain(args).copied().collect();
    Some(sandbox.run(&all))
}

/// Runs `meshctl import source` on files that a test writes.
pub(crate) fn written(files: &[(&str, &str)], args: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    for (path, text) in files {
        sandbox.write(&format!("source/{path}"), text);
    }
    let all: Vec<&str> = ["import", "source"].iter().chain(args).copied().collect();
    sandbox.run(&all)
}

#[track_caller]
pub(crate) fn says(ran: &Ran, words: &[&str]) {
    let text = format!("{}\n{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

#[track_caller]
fn lacks(ran: &Ran, words: &[&str]) {
    let text = format!("{}\n{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(!text.contains(word), "`{word}` is in:\n{text}");
    }
}

#[test]
fn routers_and_routes_of_v1beta1_have_their_namespace() {
    for name in ["v1beta1-two-namespaces.yaml", "v1beta1-two-namespaces-paths.yaml"] {
        let Some(ran) = case(name, &[]) else { return };
        let ran = ran.exits(0);
        says(&ran, &["virtual_router.app-router-red", "virtual_router.app-router-blue"]);
        says(&ran, &["\"red-route-red\"", "\"blue-route-blue\""]);
    }
}

#[test]
fn a_name_with_a_dot_has_its_namespace_already() {
    let service = "apiVersion: appmesh.k8s.aws/v1beta1\nkind: VirtualService\n\
        metadata: { name: color.prod.local, namespace: prod }\nspec:\n  meshName: m\n  routes:\n\
        \x20   - { name: r, http: { match: { prefix: / }, action: { weightedTargets: [ { virtualNodeName: blue.other, weight: 1 } ] } } }\n";
    let ran = written(&[("a.yaml", service)], &[]).exits(0);
    says(&ran, &["virtual_router.color-prod-local", "blue-other"]);
}

#[test]
fn nodes_of_v1beta1_have_what_their_controller_added() {
    let Some(ran) = case("v1beta1-cloudmap.yaml", &[]) else { return };
    let ran = ran.exits(0);
    says(&ran, &["\"appmesh.k8s.aws/mesh\" = \"shop\""]);
    says(&ran, &["\"appmesh.k8s.aws/virtualNode\" = \"blue-prod\""]);
    says(&ran, &["\"appmesh.k8s.aws/virtualNode\" = \"red-prod\""]);
    let Some(ran) = case("v1beta1-health.yaml", &[]) else { return };
    let ran = ran.exits(0);
    says(&ran, &["healthy_threshold = 10", "unhealthy_threshold = 2", "path = \"/ping\""]);
    says(&ran, &["interval = \"30s\"", "timeout = \"5s\"", "first controller added"]);
}

const VALUES: &str = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: { name: cart }\n\
    spec:\n  listeners: [ { portMapping: { port: 8080, protocol: http } } ]\n\
    \x20 serviceDiscovery: { dns: { hostname: cart.local } }\n---\n\
    apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualService\nmetadata: { name: cart }\n\
    spec: { provider: { virtualNode: { virtualNodeRef: { name: cart } } } }\n";

#[test]
fn a_namespace_that_nobody_wrote_is_reported_and_can_be_given() {
    let ran = written(&[("cart.yaml", VALUES)], &["--mesh", "shop"]).exits(0);
    says(&ran, &["cart_default", "assumed", "metadata.namespace", "--namespace NAME"]);
    let ran = written(&[("cart.yaml", VALUES)], &["--mesh", "shop", "--namespace", "prod"]);
    let ran = ran.exits(0);
    says(&ran, &["cart_prod", "cart.prod"]);
    lacks(&ran, &["metadata.namespace", "default:"]);
}

#[test]
fn kustomizations_are_built() {
    let own = "resources: [ cart.yaml ]\nnamespace: prod\nnamePrefix: eu-\n\
        patches:\n  - target: { kind: VirtualNode, name: cart }\n    patch: |-\n      - op: replace\n        path: /spec/listeners/0/portMapping/port\n        value: 9090\n\
        patchesStrategicMerge:\n  - |-\n    apiVersion: appmesh.k8s.aws/v1beta2\n    kind: VirtualNode\n    metadata: { name: cart }\n    spec: { serviceDiscovery: { dns: { hostname: cart.eu.local } } }\n";
    let ran = written(&[("kustomization.yaml", own), ("cart.yaml", VALUES)], &["--mesh", "shop"]);
    let ran = ran.exits(0);
    says(&ran, &["eu-cart_prod", "\"eu-cart.prod\"", "9090", "cart.eu.local"]);
    lacks(&ran, &["metadata.namespace"]);
}

#[test]
fn overlays_build_on_their_base_and_what_is_left_out_is_reported() {
    let base = "resources: [ cart.yaml ]\n";
    let overlay = "resources: [ ../../base ]\nnamespace: prod\nnameSuffix: -v1\n";
    let files = [
        ("base/kustomization.yaml", base),
        ("base/cart.yaml", VALUES),
        (
            "base/old.yaml",
            "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: { name: old }\nspec: {}\n",
        ),
        ("overlays/eu/kustomization.yaml", overlay),
    ];
    let ran = written(&files, &["--mesh", "shop"]).exits(0);
    says(&ran, &["cart-v1_prod", "no kustomization's resources"]);
    lacks(&ran, &["virtual_node.old"]);
    let more = "resources: [ cart.yaml, 'https://example.com/x.yaml' ]\nreplacements: [ { source: { kind: X } } ]\ncomponents: [ ../c ]\n";
    let ran = written(&[("kustomization.yaml", more), ("cart.yaml", VALUES)], &["--mesh", "shop"]);
    let ran = ran.exits(4);
    says(
        &ran,
        &[
            "generator",
            "kustomize build",
            "`replacements`",
            "the component `../c` is not among the sources",
        ],
    );
}

#[test]
fn kustomizations_change_lists_labels_and_namespaces_as_kustomize_does() {
    let list = "apiVersion: v1\nkind: List\nitems:\n\
        \x20 - apiVersion: appmesh.k8s.aws/v1beta2\n    kind: VirtualNode\n    metadata: { name: cart }\n    spec: { serviceDiscovery: { dns: { hostname: cart.local } } }\n\
        \x20 - { apiVersion: v1, kind: Namespace, metadata: { name: shop } }\n";
    let own = "resources: [ all.yaml ]\nnamespace: prod\nnamePrefix: eu-\n\
        patches:\n  - target: { kind: VirtualNode }\n    patch: |-\n      - { op: replace, path: /spec/serviceDiscovery/dns/hostname, value: cart.eu }\n";
    let ran = written(&[("kustomization.yaml", own), ("all.yaml", list)], &["--mesh", "shop"]);
    says(&ran.exits(0), &["eu-cart_prod", "cart.eu"]);
    // The labels that a kustomization gives decide which gateway takes a route, and a Namespace has no
    // prefix.
    let gateway = |name: &str| {
        format!(
            "---\napiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualGateway\nmetadata: {{ name: {name}, namespace: prod }}\n\
             spec:\n  namespaceSelector: {{ matchLabels: {{ of: prod }} }}\n  gatewayRouteSelector: {{ matchLabels: {{ gw: {name} }} }}\n\
             \x20 listeners: [ {{ portMapping: {{ port: 80, protocol: http }} }} ]\n"
        )
    };
    let gateways = format!("{}{}", gateway("one"), gateway("two"));
    let route = "apiVersion: v1\nkind: Namespace\nmetadata: { name: prod, labels: { of: prod } }\n---\n\
        apiVersion: appmesh.k8s.aws/v1beta2\nkind: GatewayRoute\nmetadata: { name: r, namespace: prod }\n\
        spec: { httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceRef: { name: s } } } } } }\n";
    for labels in ["commonLabels: { gw: two }", "labels: [ { pairs: { gw: two } } ]"] {
        let own = format!("resources: [ route.yaml ]\nnamePrefix: x-\n{labels}\n");
        let files = [
            ("routes/kustomization.yaml", own.as_str()),
            ("routes/route.yaml", route),
            ("gateways.yaml", gateways.as_str()),
        ];
        let ran = written(&files, &["--mesh", "shop"]).exits(0);
        says(&ran, &["[[virtual_gateway.two_prod.routes]]"]);
        lacks(&ran, &["[[virtual_gateway.one_prod.routes]]"]);
    }
}

#[test]
fn components_change_what_the_kustomization_has() {
    let own = "resources: [ cart.yaml ]\ncomponents: [ ../eu ]\nnameSuffix: -v1\n";
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: eu-\nnamespace: prod\n\
        patches:\n  - target: { kind: VirtualNode, name: cart }\n    patch: |-\n      - { op: replace, path: /spec/serviceDiscovery/dns/hostname, value: cart.eu }\n";
    let files = [
        ("base/kustomization.yaml", own),
        ("base/cart.yaml", VALUES),
        ("eu/kustomization.yaml", component),
    ];
    let ran = written(&files, &["--mesh", "shop"]).exits(0);
    says(&ran, &["eu-cart-v1_prod", "\"cart.eu\""]);
}

#[test]
fn braces_that_are_no_placeholder_stay_braces() {
    let template = "Resources:\n  N:\n    Type: AWS::AppMesh::VirtualNode\n    Properties:\n      MeshName: m\n      VirtualNodeName: n\n\
        \x20     Spec:\n        ServiceDiscovery: { DNS: { Hostname: n.local } }\n        Logging: { AccessLog: { File: { Path: /l, Format: { Text: \"a {{0x}} and {{b:c }} <%REQ(:PATH)%>\" } } } }\n";
    let ran = written(&[("t.yaml", template)], &[]).exits(0);
    says(&ran, &["a {{0x}} and {{b:c }} <%REQ(:PATH)%>"]);
    lacks(&ran, &["\u{7fe}", "\u{7ff}"]);
}

#[test]
fn names_that_files_give_are_reported() {
    let Some(ran) = case("spec-only", &["--mesh", "s"]) else { return };
    let ran = ran.exits(4);
    says(&ran, &["unresolved", "virtual_service/cart-vs", "host that callers use", "assumed"]);
    says(&ran, &["`cart-vn` is taken from the name of the file"]);
    let args = ["--mesh", "s", "--name", "cart-vs=cart.local", "--name", "cart-vn.json=cart"];
    let Some(ran) = case("spec-only", &args) else { return };
    let ran = ran.exits(0);
    says(&ran, &["virtual_service.\"cart.local\"", "virtual_node.cart]"]);
    let Some(ran) = case("spec-only", &["--mesh", "s", "--name", "x=y"]) else { return };
    says(&ran, &["--name x is not used"]);
}

#[test]
fn states_of_one_gateway_are_states_of_one_gateway() {
    let spec = |port: u16| {
        format!(
            "{{\"spec\":{{\"listeners\":[{{\"portMapping\":{{\"port\":{port},\"protocol\":\"http\"}}}}]}}}}"
        )
    };
    let files = [("edge-gateway-vgw.json", spec(80)), ("edge-gateway-vgw-tls.json", spec(443))];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let ran = written(&files, &["--mesh", "m"]).exits(3);
    says(&ran, &["MC1106", "virtual_gateway/edge-gateway-vgw"]);
}

#[test]
fn a_mesh_that_no_source_defines_is_an_error() {
    let text = "{\"virtualNodeName\":\"a\",\"meshName\":\"shop\",\"spec\":{}}";
    let ran = written(&[("a.json", text)], &["--mesh", "shopp"]).exits(3);
    says(&ran, &["MC1117", "`shopp`", "`shop`", "--mesh shop"]);
    written(&[("a.json", text)], &["--mesh", "shop"]).exits(0);
}

#[test]
fn instances_that_are_to_be_destroyed_are_no_definitions() {
    if let Some(ran) = case("deposed.tfstate", &[]) {
        lacks(&ran.exits(0), &["MC1106"]);
    }
}

#[test]
fn generators_are_named_with_what_to_import_instead() {
    let Some(ran) = case("flagger-canary.yaml", &[]) else { return };
    says(&ran.exits(4), &["generator", "Flagger made", "kubectl get"]);
    let Some(ran) = case("cli-script.sh", &[]) else { return };
    says(&ran.exits(3), &["MC1118", "script", "describe-*"]);
    let Some(ran) = case("scriptdir", &[]) else { return };
    says(&ran.exits(3), &["MC1118", "script"]);
    let heredoc = "#!/bin/sh\nkubectl apply -f - <<EOF\napiVersion: appmesh.k8s.aws/v1beta2\nkind: Mesh\nmetadata:\n  name: shop\nEOF\n";
    says(&written(&[("up.sh", heredoc)], &[]).exits(3), &["MC1118", "<<EOF", "kubectl get"]);
    let node = "{\"virtualNodeName\":\"a\",\"meshName\":\"shop\",\"spec\":{}}";
    let ran = written(&[("up.sh", heredoc), ("a.json", node)], &[]).exits(4);
    says(&ran, &["generator", "script"]);
    let calls = "#!/bin/sh\naws appmesh create-virtual-node --cli-input-json file://a.json\n";
    written(&[("up.sh", calls), ("a.json", node)], &[]).exits(0);
}

#[test]
fn crossplane_and_pulumi_are_read() {
    let Some(ran) = case("crossplane.yaml", &[]) else { return };
    says(&ran.exits(0), &["virtual_node.cart", "8080", "cart.shop.local", "name = \"shop\""]);
    let stack = r#"{"version":3,"deployment":{"resources":[
        {"urn":"u","type":"pulumi:pulumi:Stack"},
        {"urn":"v","type":"aws:appmesh/virtualNode:VirtualNode","outputs":{"__meta":"x","arn":"a","id":"i",
         "name":"cart","meshName":"shop","spec":{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],
         "serviceDiscovery":{"dns":{"hostname":"cart.local"}}},"tags":{},"tagsAll":{}}}]}}"#;
    let ran = written(&[("stack.json", stack)], &[]).exits(0);
    says(&ran, &["virtual_node.cart", "8080", "cart.local", "name = \"shop\""]);
}

#[test]
fn services_of_backend_groups_are_backends() {
    let Some(ran) = case("helm-manifest.yaml", &["--mesh", "shop"]) else { return };
    let ran = ran.exits(0);
    says(&ran, &["backends = [\"cart.prod\"]"]);
    lacks(&ran, &["# Source:", "no such field"]);
}

#[test]
fn files_of_one_name_are_told_apart_by_their_paths() {
    let node = "{\"virtualNodeName\":\"$NAME\",\"meshName\":\"m\",\"spec\":{}}";
    let args = ["--mesh", "m", "--var", "a/vn:NAME=a", "--var", "b/vn.json:NAME=b"];
    let ran = written(&[("a/vn.json", node), ("b/vn.json", node)], &args).exits(0);
    says(&ran, &["virtual_node.a]", "virtual_node.b]"]);
}

#[test]
fn placeholders_that_are_structures_are_named() {
    let Some(ran) = case("flow-placeholder.yaml", &["--var", "ROUTES=x"]) else { return };
    says(&ran.exits(3), &["ROUTES", "envsubst"]);
}

#[test]
fn dynamic_references_of_cloudformation_have_no_value() {
    let Some(ran) = case("cfn-quirks.yaml", &["--var", "net-Lb=lb.local"]) else { return };
    says(&ran.exits(4), &["unresolved", "resolve:ssm:/mesh/node", "--var"]);
    let args = ["--var", "net-Lb=lb.local", "--var", "resolve:ssm:/mesh/node=imp"];
    let Some(ran) = case("cfn-quirks.yaml", &args) else { return };
    says(&ran.exits(0), &["virtual_node.imp"]);
}

#[test]
fn text_of_other_tools_is_read() {
    let Some(ran) = case("utf16.json", &[]) else { return };
    says(&ran.exits(0), &["virtual_node.cart"]);
    let Some(ran) = case("jsonc.json", &[]) else { return };
    says(&ran.exits(0), &["virtual_node.cart"]);
    let Some(ran) = case("case-endings", &[]) else { return };
    says(&ran.exits(0), &["virtual_node.cart"]);
    let Some(ran) = case("escape.json", &[]) else { return };
    lacks(&ran.exits(0), &["\u{1b}[2J"]);
}

#[test]
fn a_folder_may_hold_what_is_no_definition() {
    for name in ["folder-with-binary", "folder-with-broken", "folder-with-dead-link"] {
        let Some(ran) = case(name, &["-v"]) else { return };
        says(&ran.exits(0), &["virtual_node.cart", "elsewhere"]);
    }
    let sandbox = Sandbox::new();
    sandbox.write("source/a.json", "{\"virtualNodeName\":\"a\",\"meshName\":\"m\",\"spec\":{}}");
    sandbox
        .write("source/old/b.json", "{\"virtualNodeName\":\"b\",\"meshName\":\"n\",\"spec\":{}}");
    std::os::unix::fs::symlink("..", sandbox.join("source/old/up")).unwrap();
    let ran = sandbox.run(&["import", "source", "-v", "--exclude", "old/*.json"]).exits(0);
    says(&ran, &["virtual_node.a]", "leads back to its own folder"]);
    lacks(&ran, &["virtual_node.b]"]);
    // A folder that cannot be read is reported, whatever its name and whoever runs this: a link
    // to a name that no system takes is like one. Only dead links are passed over, and what is left out by a name.
    std::os::unix::fs::symlink("x".repeat(300), sandbox.join("source/locked")).unwrap();
    std::os::unix::fs::symlink("loop", sandbox.join("source/loop")).unwrap();
    for dead in ["source/latest", "source/gone.json"] {
        std::os::unix::fs::symlink("nowhere", sandbox.join(dead)).unwrap();
    }
    let exclude = ["import", "source", "-v", "--exclude", "old/**"];
    let ran = sandbox.run(&exclude).exits(0);
    says(&ran, &["source/locked", "too long", "source/gone.json"]);
    lacks(&ran, &["source/latest", "source/loop", "leads back to its own folder"]);
    let ran = sandbox.run(&[&exclude[..], &["--exclude", "gone.json"]].concat()).exits(0);
    lacks(&ran, &["gone.json"]);
    let ran = sandbox.run(&[&exclude[..], &["--exclude", "locked"]].concat()).exits(0);
    lacks(&ran, &["source/locked"]);
}

#[test]
fn values_come_from_a_file_whose_template_the_first_run_writes() {
    let sandbox = Sandbox::new();
    let node = "{\"virtualNodeName\":\"$NAME\",\"meshName\":\"m\",\"spec\":{\"serviceDiscovery\":{\"dns\":{\"hostname\":\"$HOST\"}}}}";
    sandbox.write("a.json", node);
    let ran = sandbox.run(&["import", "a.json", "--values", "values.toml"]).exits(4);
    says(&ran, &["Wrote the 2 values"]);
    let template = fs::read_to_string(sandbox.join("values.toml")).unwrap();
    assert!(template.contains("# a.json:1\n# \"NAME\" = \"\"\n"), "{template}");
    let filled: String = template
        .lines()
        .map(|line| match line.strip_prefix("# \"") {
            Some(rest) => format!("\"{}\n", rest.replace("\"\"", "\"x.local\"")),
            None => format!("{line}\n"),
        })
        .collect();
    sandbox.write("values.toml", filled);
    let args = ["import", "a.json", "--values", "values.toml", "--var", "NAME=cart"];
    says(&sandbox.run(&args).exits(0), &["virtual_node.cart", "x.local"]);
    // A list is no text, and a line that was left empty is no value.
    sandbox.write("values.toml", "NAME = [1]\nHOST = \"x\"\n");
    let ran = sandbox.run(&["import", "a.json", "--values", "values.toml"]).exits(3);
    says(&ran, &["the value of `NAME` is a list or a map"]);
    sandbox.write("values.toml", "NAME = \"\"\nHOST = \"x\"\n");
    let ran = sandbox.run(&["import", "a.json", "--values", "values.toml"]).exits(64);
    says(&ran, &["`NAME` has no value"]);
}

#[test]
fn dumps_of_several_proxies_are_one_mesh() {
    let Some(ran) = case("dumps", &["--allow-loss"]) else { return };
    let ran = ran.exits(0);
    says(&ran, &["virtual_gateway.ingress-gw_howto", "virtual_node.blue_howto"]);
    lacks(&ran, &["MC1106"]);
}

/// A dump of a node that calls one service, with the share of each of two nodes.
fn dump(blue: u32, green: u32) -> String {
    let cluster = |node: &str| {
        format!(
            "{{\"cluster\":{{\"name\":\"cds_egress_m_{node}_http_80\",\"type\":\"LOGICAL_DNS\",\"load_assignment\":{{\"endpoints\":[{{\"lb_endpoints\":[{{\"endpoint\":{{\"address\":{{\"socket_address\":{{\"address\":\"{node}.local\"}}}}}}}}]}}]}}}}}}"
        )
    };
    format!(
        "{{\"configs\":[{{\"@type\":\"x.BootstrapConfigDump\",\"bootstrap\":{{\"node\":{{\"id\":\"mesh/m/virtualNode/front\"}}}}}},\
         {{\"@type\":\"x.ClustersConfigDump\",\"dynamic_active_clusters\":[{},{}]}},\
         {{\"@type\":\"x.RoutesConfigDump\",\"dynamic_route_configs\":[{{\"route_config\":{{\"name\":\"rds_egress_http_80\",\"virtual_hosts\":[{{\"name\":\"s.local\",\"domains\":[\"s.local\",\"s.local:80\"],\
         \"routes\":[{{\"match\":{{\"prefix\":\"/\"}},\"route\":{{\"weighted_clusters\":{{\"clusters\":[{{\"name\":\"cds_egress_m_blue_http_80\",\"weight\":{blue}}},{{\"name\":\"cds_egress_m_green_http_80\",\"weight\":{green}}}]}},\"retry_policy\":{{\"retry_on\":\"unavailable,connect-failure,refused-stream,reset,retriable-status-codes\",\"num_retries\":2,\"retriable_status_codes\":[503]}}}}}}]}}]}}}}]}}]}}",
        cluster("blue"),
        cluster("green")
    )
}

const DEFINED: &str = "[{\"virtualNodeName\":\"front\",\"meshName\":\"m\",\"spec\":{\"backends\":[{\"virtualService\":{\"virtualServiceName\":\"s.local\"}}]}},\
    {\"virtualNodeName\":\"blue\",\"meshName\":\"m\",\"spec\":{\"listeners\":[{\"portMapping\":{\"port\":80,\"protocol\":\"http\"}}],\"serviceDiscovery\":{\"dns\":{\"hostname\":\"blue.local\"}}}},\
    {\"virtualNodeName\":\"green\",\"meshName\":\"m\",\"spec\":{\"listeners\":[{\"portMapping\":{\"port\":80,\"protocol\":\"http\"}}],\"serviceDiscovery\":{\"dns\":{\"hostname\":\"green.local\"}}}},\
    {\"virtualServiceName\":\"s.local\",\"meshName\":\"m\",\"spec\":{\"provider\":{\"virtualRouter\":{\"virtualRouterName\":\"r\"}}}},\
    {\"virtualRouterName\":\"r\",\"meshName\":\"m\",\"spec\":{\"listeners\":[{\"portMapping\":{\"port\":80,\"protocol\":\"http\"}}]}},\
    {\"routeName\":\"a\",\"virtualRouterName\":\"r\",\"meshName\":\"m\",\"spec\":{\"httpRoute\":{\"match\":{\"prefix\":\"/\"},\"action\":{\"weightedTargets\":[{\"virtualNode\":\"blue\",\"weight\":9},{\"virtualNode\":\"green\",\"weight\":1}]}}}}]";

#[test]
fn definitions_are_proven_to_route_as_the_proxies_did() {
    let same = dump(9, 1);
    let ran = written(&[("all.json", DEFINED), ("dump.json", &same)], &["--prove"]).exits(0);
    says(&ran, &["equal routing: the definitions route every request of virtual_node/front"]);
    let other = dump(1, 9);
    let ran = written(&[("all.json", DEFINED), ("dump.json", &other)], &["--prove"]).exits(4);
    says(&ran, &["different", "http://s.local", "nothing was written"]);
    lacks(&ran, &["equal routing:"]);
    written(&[("all.json", DEFINED)], &["--prove"]).exits(64);
}

/// The mesh of `DEFINED` as HCL, with further routes of its router.
fn defined_in_hcl(routes: &str) -> String {
    let node = |name: &str| {
        format!(
            "resource \"aws_appmesh_virtual_node\" \"{name}\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n  spec {{\n    \
             listener {{\n      port_mapping {{\n        port = 80\n        protocol = \"http\"\n      }}\n    }}\n    \
             service_discovery {{\n      dns {{\n        hostname = \"{name}.local\"\n      }}\n    }}\n  }}\n}}\n"
        )
    };
    format!(
        "{}{}resource \"aws_appmesh_virtual_node\" \"front\" {{\n  name = \"front\"\n  mesh_name = \"m\"\n  spec {{\n    \
         backend {{\n      virtual_service {{\n        virtual_service_name = \"s.local\"\n      }}\n    }}\n  }}\n}}\n\
         resource \"aws_appmesh_virtual_service\" \"s\" {{\n  name = \"s.local\"\n  mesh_name = \"m\"\n  spec {{\n    \
         provider {{\n      virtual_router {{\n        virtual_router_name = \"s-router\"\n      }}\n    }}\n  }}\n}}\n\
         resource \"aws_appmesh_virtual_router\" \"r\" {{\n  name = \"s-router\"\n  mesh_name = \"m\"\n  spec {{\n    \
         listener {{\n      port_mapping {{\n        port = 80\n        protocol = \"http\"\n      }}\n    }}\n  }}\n}}\n{}{routes}",
        node("blue"),
        node("green"),
        route_in_hcl("a", "/", 5, "[[\"blue\", 9], [\"green\", 1]]")
    )
}

fn route_in_hcl(name: &str, prefix: &str, priority: u32, targets: &str) -> String {
    format!(
        "resource \"aws_appmesh_route\" \"{name}\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n  virtual_router_name = \"s-router\"\n  \
         spec {{\n    priority = {priority}\n    http_route {{\n      match {{\n        prefix = \"{prefix}\"\n      }}\n      action {{\n        \
         dynamic \"weighted_target\" {{\n          for_each = {targets}\n          content {{\n            \
         virtual_node = weighted_target.value[0]\n            weight = weighted_target.value[1]\n          }}\n        }}\n      }}\n    }}\n  }}\n}}\n"
    )
}

#[test]
fn a_proof_compares_dumps_that_agree_with_definitions_alone() {
    let dumped = dump(9, 1);
    let prove = |text: &str| {
        written(&[("main.tf", text), ("dump.json", &dumped)], &["--prove", "--mesh", "m"])
    };
    let same = prove(&defined_in_hcl("")).exits(0);
    says(&same, &["equal routing: the definitions route every request of virtual_node/front"]);
    // HCL was once read as a part of the dumps too.
    let more = defined_in_hcl(&route_in_hcl("admin", "/admin", 1, "[[\"blue\", 1]]"));
    let ran = prove(&more).exits(4);
    says(&ran, &["different", "/admin", "nothing was written"]);
    lacks(&ran, &["equal routing:"]);
    // Two dumps of one proxy that contradict each other prove nothing.
    let files = [("all.json", DEFINED), ("a.json", &dump(1, 9)), ("b.json", &dumped)];
    let ran = written(&files, &["--prove"]).exits(3);
    says(&ran, &["MC1106", "nothing was compared"]);
    lacks(&ran, &["equal routing:"]);
    // Settings of routes are compared too, and what cannot be read of a dump is no proof.
    let slow = DEFINED.replace(
        "\"httpRoute\":{",
        "\"httpRoute\":{\"timeout\":{\"perRequest\":{\"unit\":\"s\",\"value\":3}},",
    );
    let ran = written(&[("all.json", &slow), ("dump.json", &dumped)], &["--prove"]).exits(4);
    says(&ran, &["different", "3s", "not compared: listeners"]);
    lacks(&ran, &["equal routing:"]);
    let odd = dumped.replace(
        "{\"prefix\":\"/\"}",
        "{\"prefix\":\"/\",\"headers\":[{\"name\":\"x\",\"contains_match\":\"y\"}]}",
    );
    let ran = written(&[("all.json", DEFINED), ("dump.json", &odd)], &["--prove"]).exits(4);
    says(&ran, &["not proven", "not read: source/dump.json:1", "match of a kind"]);
    // What is refused is not compared first.
    let lost = DEFINED.replacen("\"spec\":{", "\"spec\":{\"colour\":1,", 1);
    let ran = written(&[("all.json", &lost), ("dump.json", &dumped)], &["--prove"]).exits(4);
    lacks(&ran, &["equal routing:"]);
}

#[test]
fn the_order_of_gateway_routes_with_host_names_is_reported_where_it_is_not_known() {
    let route = |name: &str, matches: &str| {
        format!(
            "{{\"gatewayRouteName\":\"{name}\",\"virtualGatewayName\":\"g\",\"meshName\":\"m\",\"spec\":{{\"httpRoute\":{{\"match\":{{{matches}}},\"action\":{{\"target\":{{\"virtualService\":{{\"virtualServiceName\":\"s.local\"}}}}}}}}}}}}"
        )
    };
    let gateway = "{\"virtualGatewayName\":\"g\",\"meshName\":\"m\",\"spec\":{\"listeners\":[{\"portMapping\":{\"port\":80,\"protocol\":\"http\"}}]}}";
    let all =
        |one: &str, other: &str| format!("[{gateway},{},{}]", route("a", one), route("b", other));
    let hosted = "\"hostname\":{\"exact\":\"x.local\"},\"prefix\":\"/\"";
    let ran = written(&[("g.json", &all("\"prefix\":\"/api\"", hosted))], &[]).exits(0);
    says(
        &ran,
        &["gateway_route/g/b priority: `a` is matched before it; App Mesh's documents do not say"],
    );
}

#[test]
fn an_existing_project_is_compared_and_a_new_one_is_written_whole() {
    let sandbox = Sandbox::new();
    let node = |port: u16| {
        format!(
            "{{\"virtualNodeName\":\"a\",\"meshName\":\"m\",\"spec\":{{\"listeners\":[{{\"portMapping\":{{\"port\":{port},\"protocol\":\"http\"}}}}],\"serviceDiscovery\":{{\"dns\":{{\"hostname\":\"a.local\"}}}}}}}}"
        )
    };
    sandbox.write("a.json", node(80));
    sandbox.run(&["import", "a.json", "-o", "out"]).exits(0);
    says(&sandbox.run(&["import", "a.json", "-o", "out"]).exits(0), &["already defines"]);
    sandbox.write("a.json", node(81));
    let before = fs::read_to_string(sandbox.join("out/mesh.toml")).unwrap();
    let ran = sandbox.run(&["import", "a.json", "-o", "out"]).exits(4);
    says(&ran, &["the sources would change it", "virtual_node/a", "81", "Nothing was written"]);
    assert_eq!(fs::read_to_string(sandbox.join("out/mesh.toml")).unwrap(), before);
    // A file in the way stops the whole of it.
    sandbox.write("other/mesh.toml", "");
    sandbox.run(&["import", "a.json", "-o", "other"]).exits(1);
    let left: Vec<_> = fs::read_dir(sandbox.join("other")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_folder_of_unrelated_files_is_read_in_a_moment() {
    let sandbox = Sandbox::new();
    sandbox.write("source/a.json", "{\"virtualNodeName\":\"a\",\"meshName\":\"m\",\"spec\":{}}");
    for at in 0..5000 {
        let (name, text) = match at % 4 {
            0 => ("x.json", "{\"name\":\"package\",\"version\":\"1.0.0\"}"),
            1 => ("x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n"),
            2 => ("x.ts", "export const answer = 42;\n"),
            _ => ("x.tf", "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"b\"\n}\n"),
        };
        sandbox.write(&format!("source/d{}/{at}{name}", at % 50), text);
    }
    let start = Instant::now();
    sandbox.run(&["import", "source"]).exits(0);
    // The bar is one second for a release build on a machine that does nothing else.
    let limit = if cfg!(debug_assertions) { 20 } else { 1 };
    assert!(start.elapsed() < Duration::from_secs(limit), "{:?}", start.elapsed());
}

#[test]
fn comments_of_json_end_where_they_end() {
    let text = "{ /*/ one */ \"virtualNodeName\": \"a\", \"meshName\": \"m\", \"spec\": { \"listeners\": [\n\
        { \"portMapping\": { \"port\": 80// two\n, \"protocol\": \"http\" } } ] } }";
    says(&written(&[("a.json", text)], &[]).exits(0), &["port = 80", "virtual_node.a"]);
}

#[test]
fn comments_of_every_syntax_are_kept() {
    let tf = "// one\n/* two\n * three */\n# four\nresource \"aws_appmesh_mesh\" \"m\" {\n  name = \"m\"\n}\n\
        resource \"aws_appmesh_virtual_node\" \"n\" {\n  // five\n  name = \"n\" // six\n  mesh_name = \"m\"\n\
        tags = { url = \"http://x/#y\", a = \"${\"//b\"}/*c*/\", d = <<E\n// in a text\nE\n }\n\
        spec {\n    /* seven */ listener {\n port_mapping {\n port = 80\n protocol = \"http\"\n }\n }\n  }\n}\n";
    let json = "// one\n// two\n{ \"meshName\": \"m\", /* three */\n // four\n \"virtualNodeName\": \"n\", \"spec\": { // five\n\
        /* six\n seven */ \"serviceDiscovery\": { \"dns\": { \"hostname\": \"http://x/*y*/\" } } } }";
    for (name, text) in [("a.tf", tf), ("a.json", json)] {
        let ran = written(&[(name, text)], &["--allow-loss"]);
        for word in ["one", "two", "three", "four", "five", "six", "seven"] {
            let line = format!("# {word}");
            assert!(ran.stdout.lines().any(|it| it == line), "{name}: {word}\n{}", ran.all());
        }
        for other in ["# in a text", "# y", "# b", "# c", "# x"] {
            assert!(!ran.stdout.contains(other), "{name}: {other}\n{}", ran.all());
        }
    }
}

#[test]
fn a_placeholder_elsewhere_is_not_blamed_for_a_mistake() {
    let text = "kind: VirtualNode\napiVersion: appmesh.k8s.aws/v1beta2\n# labels: [a, ${X}]\n\
        spec:\n  a: b\n  c: d\n e: f\n";
    let ran = written(&[("a.yaml", text)], &[]).exits(3);
    lacks(&ran, &["envsubst"]);
}
