//! Definitions that are elsewhere, and text that a step of templates was to replace: an import that would
//! be a part of the mesh exits with 4 and names what to run.

use crate::import_faults::{says, written};

const NODE: &str = "{\"virtualNodeName\":\"a\",\"meshName\":\"shop\",\"spec\":{}}";

/// Hosts that a step was to fill in, with what is asked for.
const HOSTS: [(&str, &str); 11] = [
    ("cart.$(DOMAIN)", "DOMAIN"),
    ("cart.#{Domain}#", "Domain"),
    ("cart.#{Domain}", "Domain"),
    ("cart.@@DOMAIN@@", "DOMAIN"),
    ("__HOST__.local", "HOST"),
    ("<%= host %>", "host"),
    ("%{HOST}.local", "HOST"),
    ("<HOST>", "HOST"),
    ("{{ .Values.host }}", ".Values.host"),
    ("${{ vars.HOST }}", "vars.HOST"),
    ("${HOST:-x.local}", "HOST"),
];

#[test]
fn text_of_templates_has_no_value_in_any_format() {
    for (host, name) in HOSTS {
        let hcl = host.replace("${", "$${").replace("%{", "%%{");
        let sources = [
            (
                "a.json",
                format!(
                    "{{\"virtualNodeName\":\"a\",\"meshName\":\"shop\",\"spec\":{{\"serviceDiscovery\":{{\"dns\":{{\"hostname\":\"{host}\"}}}}}}}}"
                ),
            ),
            (
                "a.yaml",
                format!(
                    "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: {{ name: a, namespace: b }}\n\
                     spec: {{ meshRef: {{ name: shop }}, serviceDiscovery: {{ dns: {{ hostname: '{host}' }} }} }}\n"
                ),
            ),
            (
                "t.yaml",
                format!(
                    "Resources:\n  A:\n    Type: AWS::AppMesh::VirtualNode\n    Properties:\n      MeshName: shop\n\
                     \x20     VirtualNodeName: a\n      Spec: {{ ServiceDiscovery: {{ DNS: {{ Hostname: '{host}' }} }} }}\n"
                ),
            ),
            (
                "main.tf",
                format!(
                    "resource \"aws_appmesh_virtual_node\" \"a\" {{\n  name = \"a\"\n  mesh_name = \"shop\"\n\
                     \x20 spec {{\n    service_discovery {{\n      dns {{\n        hostname = \"{hcl}\"\n      }}\n    }}\n  }}\n}}\n"
                ),
            ),
            (
                "terraform.tfstate",
                format!(
                    "{{\"terraform_version\":\"1.9.0\",\"resources\":[{{\"mode\":\"managed\",\"type\":\"aws_appmesh_virtual_node\",\"name\":\"a\",\
                     \"instances\":[{{\"attributes\":{{\"name\":\"a\",\"mesh_name\":\"shop\",\"spec\":[{{\"service_discovery\":[{{\"dns\":[{{\"hostname\":\"{host}\"}}]}}]}}]}}}}]}}]}}"
                ),
            ),
        ];
        for (path, text) in &sources {
            let ran = written(&[(path, text)], &["--format", "json"]);
            assert_eq!(ran.code, 4, "{path} {host}: {}", ran.all());
            says(&ran, &["unresolved", &format!("\"{name}\"")]);
            let value = format!("{name}=cart.local");
            let ran = written(&[(path, text)], &["--var", &value]);
            assert_eq!(ran.code, 0, "{path} {host}: {}", ran.all());
            // A value may have such marks itself.
            let value = format!("{name}={host}");
            let ran = written(&[(path, text)], &["--var", &value]);
            assert_eq!(ran.code, 0, "{path} {host}: {}", ran.all());
        }
    }
}

#[test]
fn what_a_chart_computes_in_quotes_names_helm() {
    let node = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: { name: cart, namespace: prod }\n\
        spec: { serviceDiscovery: { dns: { hostname: '{{ include \"shop.host\" . }}' } } }\n";
    let ran = written(&[("n.yaml", node)], &["--mesh", "shop"]).exits(4);
    says(
        &ran,
        &[
            "generator",
            "helm template CHART",
            "unresolved",
            "--var 'include \"shop.host\" .=VALUE'",
        ],
    );
    let args = ["--mesh", "shop", "--var", "include \"shop.host\" .=cart.local"];
    says(&written(&[("n.yaml", node)], &args).exits(0), &["cart.local"]);
    // Expressions, formats of logs and paths have such marks of their own.
    let route = "{\"routeName\":\"r\",\"virtualRouterName\":\"v\",\"meshName\":\"shop\",\"spec\":{\"httpRoute\":{\"match\":{\"path\":{\"regex\":\"^/a\\\\$(b|c){2}#{2}$\"}},\
        \"action\":{\"weightedTargets\":[{\"virtualNode\":\"a\",\"weight\":1}]}}}}";
    written(&[("a.json", NODE), ("r.json", route)], &[]).exits(0);
}

#[test]
fn modules_that_are_not_among_the_sources_are_a_loss() {
    let call = |source: &str| {
        format!(
            "resource \"aws_appmesh_mesh\" \"m\" {{\n  name = \"shop\"\n}}\nmodule \"cart\" {{\n  source = \"{source}\"\n\
             \x20 mesh_name = aws_appmesh_mesh.m.name\n}}\n"
        )
    };
    for source in ["git::https://git.example/service.git", "acme/service/aws", "./gone"] {
        let ran = written(&[("main.tf", &call(source))], &[]).exits(4);
        says(&ran, &["generator", "the module `cart`", "terraform state pull"]);
    }
    written(&[("main.tf", &call("terraform-aws-modules/vpc/aws"))], &[]).exits(0);
    // What `terraform init` fetched is read, its examples are not.
    let module = "variable \"mesh_name\" {}\nresource \"aws_appmesh_virtual_node\" \"n\" {\n  name = \"cart\"\n  mesh_name = var.mesh_name\n  spec {}\n}\n";
    let example = "resource \"aws_appmesh_virtual_node\" \"n\" {\n  name = \"example\"\n  mesh_name = \"x\"\n  spec {}\n}\n";
    let list = "{\"Modules\":[{\"Key\":\"\",\"Source\":\"\",\"Dir\":\".\"},{\"Key\":\"cart\",\"Source\":\"git::https://git.example/service.git\",\"Dir\":\".terraform/modules/cart\"}]}";
    let root = call("git::https://git.example/service.git");
    let files = [
        ("main.tf", root.as_str()),
        (".terraform/modules/modules.json", list),
        (".terraform/modules/cart/main.tf", module),
        (".terraform/modules/cart/examples/all/main.tf", example),
        (".terraform/modules/cart/deploy.yaml", "kind: VirtualNode\n"),
        (".terraform/providers/x/main.tf", example),
    ];
    let ran = written(&files, &[]).exits(0);
    says(&ran, &["[virtual_node.cart]", "name = \"shop\""]);
    assert!(!ran.stdout.contains("example"), "{}", ran.stdout);
}

const MESH: &str = "  M: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: shop } }\n";
const NODES: &str = "Resources:\n  N: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: shop, VirtualNodeName: cart, Spec: {} } }\n";

#[test]
fn templates_that_are_not_among_the_sources_are_a_loss() {
    for (entry, command) in [
        (
            "  S: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: ./nodes.yaml } }\n",
            "> nodes.json",
        ),
        (
            "  S: { Type: AWS::Serverless::Application, Properties: { Location: nodes.yaml } }\n",
            "> nodes.json",
        ),
        (
            "  S: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: !Ref Url } }\n",
            "> S.json",
        ),
        ("  S: { Type: Acme::Shop::Node::MODULE }\n", "Processed > processed.json"),
        (
            "  Fn::Transform: { Name: AWS::Include, Parameters: { Location: s3://b/n.yaml } }\n",
            "Processed > processed.json",
        ),
    ] {
        let root = format!("Resources:\n{MESH}{entry}");
        let ran = written(&[("root.yaml", &root)], &[]).exits(4);
        says(&ran, &["generator", command]);
        // A template without a resource of the mesh is looked at too.
        let root = format!("Resources:\n{entry}");
        let ran = written(&[("root.yaml", &root), ("m.json", NODE)], &[]).exits(4);
        says(&ran, &["generator", command]);
    }
    let include =
        format!("Transform: {{ Name: AWS::Include, Parameters: {{}} }}\nResources:\n{MESH}");
    says(&written(&[("t.yaml", &include)], &[]).exits(4), &["generator", "Processed"]);
    let stack = format!(
        "Conditions: {{ No: !Equals [a, b] }}\nResources:\n{MESH}  S: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: ./nodes.yaml }} }}\n"
    );
    says(
        &written(&[("root.yaml", &stack), ("nodes.yaml", NODES)], &[]).exits(0),
        &["[virtual_node.cart]"],
    );
    let never = stack.replace("Stack, Prop", "Stack, Condition: No, Prop");
    written(&[("root.yaml", &never)], &[]).exits(0);
    // The CDK names the template of a nested stack in its metadata.
    let asset = format!(
        "Resources:\n{MESH}  S:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{ TemplateURL: {{ Fn::Join: ['', [https://s3/, !Ref B, /0a1b.json]] }} }}\n\
         \x20   Metadata: {{ 'aws:asset:path': Shop.nested.template.json }}\n"
    );
    written(&[("root.yaml", &asset), ("Shop.nested.template.json", NODES)], &[]).exits(0);
}

#[test]
fn what_get_template_prints_is_a_template() {
    for body in [
        "{\"Resources\":{\"M\":{\"Type\":\"AWS::AppMesh::Mesh\",\"Properties\":{\"MeshName\":\"shop\"}}}}",
        "\"Resources:\\n  M: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: shop } }\\n\"",
    ] {
        let text =
            format!("{{\"TemplateBody\":{body},\"StagesAvailable\":[\"Original\",\"Processed\"]}}");
        says(&written(&[("t.json", &text)], &[]).exits(0), &["name = \"shop\""]);
    }
}

#[test]
fn parameters_of_systems_manager_have_no_value_here() {
    let template = format!(
        "Parameters:\n  Host: {{ Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/host }}\nResources:\n{MESH}\
         \x20 S: {{ Type: AWS::AppMesh::VirtualService, Properties: {{ MeshName: !Ref M, VirtualServiceName: !Ref Host, Spec: {{}} }} }}\n"
    );
    let ran = written(&[("t.yaml", &template)], &[]).exits(4);
    says(&ran, &["unresolved", "aws ssm get-parameter --name /shop/host"]);
    let ran = written(&[("t.yaml", &template)], &["--var", "Host=cart.local"]).exits(0);
    says(&ran, &["cart.local"]);
    // A stack that nests the template passes the parameter's name on.
    let outer = "Resources:\n  S: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: t.yaml, Parameters: { Host: /other } } }\n";
    written(&[("t.yaml", &template), ("outer.yaml", outer)], &[]).exits(4);
}

#[test]
fn commands_beside_definitions_are_a_loss() {
    let create = "aws appmesh create-virtual-node --mesh-name shop --virtual-node-name api --spec";
    let run = format!("#!/bin/sh\n{create} file://x.json\n");
    let pipeline = format!("jobs:\n  a:\n    steps:\n      - run: {create} file://x.json\n");
    let boto = "import boto3\nc = boto3.client('appmesh')\nc.create_mesh(meshName='shop')\n";
    for (path, text, words) in [
        ("Makefile", format!("mesh:\n\t{create} '{{}}'\n"), "describe-*"),
        ("deploy/run", run.clone(), "describe-*"),
        ("buildspec.yml", format!("phases:\n  build:\n    commands:\n      - {create} '{{}}'\n"), "describe-*"),
        (".github/workflows/x.yml", pipeline, "describe-*"),
        ("site.yml", format!("- hosts: all\n  tasks:\n   - command: {create} x\n"), "describe-*"),
        ("README.md", format!("# Do\n```\n{create} '{{}}'\n```\n"), "describe-*"),
        ("mesh.py", boto.to_owned(), "describe-*"),
        ("Pulumi.yaml", "name: x\nruntime: yaml\nresources: { m: { type: 'aws:appmesh:Mesh' } }\n".to_owned(), "pulumi stack export"),
        ("serverless.yml", "service: x\nprovider: { name: aws }\nresources: { Resources: { M: { Type: AWS::AppMesh::Mesh } } }\n".to_owned(), "serverless package"),
        ("terragrunt.hcl", "terraform { source = \"../m\" }\n".to_owned(), "terragrunt state pull"),
        ("k.tf", "resource \"kubernetes_manifest\" \"n\" {\n  manifest = { apiVersion = \"appmesh.k8s.aws/v1beta2\" }\n}\n".to_owned(), "kubectl get"),
        ("cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata:\n  a.yaml: |\n    apiVersion: appmesh.k8s.aws/v1beta2\n    kind: Mesh\n".to_owned(), "kubectl get"),
        ("app.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: { name: x }\nspec: { source: { repoURL: https://x, path: apps/x } }\n".to_owned(), "kubectl get"),
        ("hr.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: x }\nspec: { chart: { spec: { chart: appmesh-gateway } } }\n".to_owned(), "kubectl get"),
    ] {
        let ran = written(&[("a.json", NODE), (path, &text)], &[]);
        assert_eq!(ran.code, 4, "{path}: {}", ran.all());
        says(&ran, &["generator", path, words]);
        // Alone it is an error of the same words.
        let ran = written(&[(path, &text)], &[]);
        assert_eq!(ran.code, 3, "{path}: {}", ran.all());
        says(&ran, &["MC1118"]);
        says(&ran, &words.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn stacks_and_charts_of_terraform_are_a_loss() {
    let root = |resource: &str| {
        format!(
            "resource \"aws_appmesh_mesh\" \"m\" {{\n  name = \"shop\"\n}}\nresource {resource}\n"
        )
    };
    let stack = "\"aws_cloudformation_stack\" \"s\" {\n  template_";
    let chart = "\"helm_release\" \"r\" {\n  chart = ";
    for (resource, word) in [
        (format!("{stack}url = \"https://s3/x.yaml\"\n}}"), "get-template"),
        (format!("{stack}body = file(\"${{path.module}}/gone.yaml\")\n}}"), "get-template"),
        (format!("{chart}\"./charts/cart\"\n}}"), "kubectl get"),
        (format!("{chart}\"appmesh-gateway\"\n}}"), "kubectl get"),
    ] {
        let ran = written(&[("main.tf", &root(&resource)), ("nodes.yaml", NODES)], &[]).exits(4);
        says(&ran, &["generator", word]);
    }
    for resource in [
        format!("{stack}body = file(\"nodes.yaml\")\n}}"),
        format!("{chart}\"ingress-nginx\"\n}}"),
        format!("{chart}\"appmesh-controller\"\n}}"),
    ] {
        let ran = written(&[("main.tf", &root(&resource)), ("nodes.yaml", NODES)], &[]);
        assert_eq!(ran.code, 0, "{resource}: {}", ran.all());
    }
}

#[test]
fn templates_of_other_tools_are_looked_at() {
    let node = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: { name: \"{{ name }}\", namespace: p }\n\
        spec: { meshRef: { name: shop } }\n";
    for (path, text, words) in [
        ("n.yaml.j2", node.to_owned(), &["unresolved", "--var name=VALUE"][..]),
        (
            "n.yaml.j2",
            format!("{{% for name in all %}}\n{node}{{% endfor %}}\n"),
            &["generator", "renders"],
        ),
        (
            "n.yaml.erb",
            node.replace("{{ name }}", "<%= name %>"),
            &["unresolved", "--var name=VALUE"],
        ),
        (
            "__NAME__-vn.json",
            "{\"spec\":{\"backends\":[]}}".to_owned(),
            &["unresolved", "--var NAME=VALUE"],
        ),
    ] {
        let ran = written(&[("a.json", NODE), (path, &text)], &[]);
        assert_eq!(ran.code, 4, "{path}: {}", ran.all());
        says(&ran, words);
    }
    written(&[("a.json", NODE), ("x.conf.in", "port = @PORT@\n")], &[]).exits(0);
}

#[test]
fn commands_whose_definitions_are_there_lose_nothing() {
    let call = "aws appmesh create-virtual-node --cli-input-json";
    let jq = "#!/bin/bash\ninput=$(jq -n -f \"${DIR}/mesh/a.json\" \\\n)\naws --region x appmesh create-virtual-node --cli-input-json \"${input}\"\n";
    for (path, text) in [
        ("up.sh", format!("#!/bin/sh\n{call} file://mesh/a.json\n")),
        ("up.sh", format!("#!/bin/sh\n{call} \"$(envsubst < $DIR/a.json)\"\n")),
        ("up.sh", format!("#!/bin/sh\nfor f in mesh/*; do {call} file://$f; done\n")),
        ("up.sh", jq.to_owned()),
        ("README.md", format!("```\n{call} file://a.json\n```\nA virtual node:\n```\napiVersion: appmesh.k8s.aws/v1beta2\n```\n")),
        ("Makefile", "down:\n\taws appmesh delete-mesh --mesh-name shop\n".to_owned()),
        ("ci.yml", "run: aws appmesh describe-mesh --mesh-name shop\n".to_owned()),
        ("iam.yaml", "Action: appmesh:StreamAggregatedResources\nResource: arn:aws:appmesh:eu-west-1:1:mesh/shop\n".to_owned()),
        ("rbac.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: x }\nrules: [ { apiGroups: [ appmesh.k8s.aws ] } ]\n".to_owned()),
        ("hr.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: x }\nspec: { chart: { spec: { chart: appmesh-controller } } }\n".to_owned()),
        ("ks.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: x }\nspec: { path: ./mesh }\n".to_owned()),
    ] {
        let ran = written(&[("mesh/a.json", NODE), (path, &text)], &[]);
        assert_eq!(ran.code, 0, "{path}: {text}: {}", ran.all());
    }
}

#[test]
fn a_spec_alone_is_read() {
    let node = "{\"listeners\":[{\"portMapping\":{\"port\":8080,\"protocol\":\"http\"}}],\"serviceDiscovery\":{\"dns\":{\"hostname\":\"x.local\"}}}";
    let ran = written(&[("x.json", node)], &["--mesh", "shop"]).exits(0);
    says(&ran, &["[virtual_node.x]", "x.local", "taken from the name of the file"]);
    let ran = written(&[("x.json", node)], &["--mesh", "shop", "--name", "x.json=cart"]).exits(0);
    says(&ran, &["[virtual_node.cart]"]);
    let route = "{\"httpRoute\":{\"match\":{\"prefix\":\"/\"},\"action\":{\"weightedTargets\":[{\"virtualNode\":\"cart\",\"weight\":1}]}}}";
    let ran = written(&[("x.json", route)], &["--mesh", "shop"]).exits(3);
    says(&ran, &["MC1111", "--name FILE=ROUTER/ROUTE"]);
    let args = ["--mesh", "shop", "--name", "x.json=main/all"];
    let ran = written(&[("x.json", route)], &args).exits(0);
    says(&ran, &["[[virtual_router.main.routes]]", "name = \"all\""]);
    // What may be a node, a router or a gateway is asked for.
    let listeners = "{\"listeners\":[{\"portMapping\":{\"port\":80,\"protocol\":\"http\"}}]}";
    let ran = written(&[("x.json", listeners)], &["--mesh", "shop"]).exits(3);
    says(&ran, &["MC1111", "--kind"]);
    let args = ["--mesh", "shop", "--kind", "virtual-gateway"];
    says(&written(&[("x.json", listeners)], &args).exits(0), &["[virtual_gateway.x]"]);
    // Other JSON with such keys is none.
    for other in [
        "{\"listeners\":[{\"address\":\"0.0.0.0:80\"}]}",
        "{\"provider\":{\"name\":\"aws\"}}",
        "{\"backends\":[]}",
        "{\"priority\":1}",
    ] {
        written(&[("a.json", NODE), ("x.json", other)], &[]).exits(0);
    }
}

#[test]
fn names_of_files_are_given_once_and_are_not_empty() {
    let spec = "{\"spec\":{\"serviceDiscovery\":{\"dns\":{\"hostname\":\"x.local\"}}}}";
    for (names, word) in [
        (&["--name", "x.json="][..], "no name"),
        (&["--name", "x.json=a/"], "no name"),
        (&["--name", "x.json=a", "--name", "x.json=b"], "twice"),
    ] {
        let args: Vec<&str> = ["--mesh", "shop"].iter().chain(names).copied().collect();
        says(&written(&[("x.json", spec)], &args).exits(64), &[word]);
    }
}

#[test]
fn references_of_crossplane_are_resolved_in_specs_too() {
    let service = |provider: &str| {
        format!(
            "apiVersion: appmesh.aws.upbound.io/v1beta1\nkind: VirtualNode\nmetadata: {{ name: cart-object, labels: {{ app: cart }} }}\n\
             spec: {{ forProvider: {{ name: cart, meshName: shop, spec: [ {{}} ] }} }}\n---\n\
             apiVersion: appmesh.aws.upbound.io/v1beta1\nkind: VirtualService\nmetadata: {{ name: s }}\n\
             spec: {{ forProvider: {{ name: s.local, meshName: shop, spec: [ {{ provider: [ {{ virtualNode: [ {provider} ] }} ] }} ] }} }}\n"
        )
    };
    for provider in [
        "{ virtualNodeNameRef: { name: cart-object } }",
        "{ virtualNodeNameSelector: { matchLabels: { app: cart } } }",
        "{ virtualNodeName: cart, virtualNodeNameRef: { name: x } }",
    ] {
        let ran = written(&[("x.yaml", &service(provider))], &[]).exits(0);
        says(&ran, &["node = \"cart\""]);
    }
    let open = service("{ virtualNodeNameSelector: { matchLabels: { app: pay } } }");
    says(&written(&[("x.yaml", &open)], &[]).exits(4), &["unresolved", "virtualNodeNameSelector"]);
}

#[test]
fn plurals_of_pulumi_are_the_fields_of_terraform() {
    let stack = r#"{"version":3,"deployment":{"resources":[
        {"urn":"v","type":"aws:appmesh/virtualNode:VirtualNode","outputs":{"name":"cart","meshName":"shop","spec":{
          "listeners":[{"portMapping":{"port":8080,"protocol":"http"},"connectionPool":{"https":[{"maxConnections":7,"maxPendingRequests":8}]}},
                       {"portMapping":{"port":8081,"protocol":"http2"},"connectionPool":{"http2s":[{"maxRequests":9}]}},
                       {"portMapping":{"port":8082,"protocol":"tcp"},"connectionPool":{"tcps":[{"maxConnections":11}]}}],
          "backendDefaults":{"clientPolicy":{"tls":{"validation":{"trust":{"file":{"certificateChain":"/ca.pem"}},
            "subjectAlternativeNames":{"match":{"exacts":["x.local"]}}}}}},
          "logging":{"accessLog":{"file":{"path":"/dev/stdout","format":{"jsons":[{"key":"k","value":"%PROTOCOL%"}]}}}},
          "serviceDiscovery":{"dns":{"hostname":"cart.local"}}}}}]}}"#;
    let ran = written(&[("stack.json", stack)], &[]).exits(0);
    says(&ran, &["7", "8", "9", "11", "x.local", "%PROTOCOL%"]);
}

#[test]
fn fields_of_kustomizations_are_applied_or_named() {
    let node = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: { name: cart, namespace: a }\n\
        spec: { serviceDiscovery: { dns: { hostname: cart.local } } }\n";
    let with = |field: &str| {
        let own = format!("resources: [ cart.yaml ]\n{field}\n");
        written(&[("kustomization.yaml", &own), ("cart.yaml", node)], &["--mesh", "shop", "-v"])
    };
    for field in ["configMapGenerator: [ { name: x } ]", "secretGenerator: [ { name: x } ]"] {
        let name = field.split(':').next().unwrap();
        says(&with(field).exits(0), &[name, "none of the mesh"]);
    }
    for field in [
        "replacements: [ { path: r.yaml } ]",
        "vars: [ { name: X } ]",
        "helmCharts: [ { name: x } ]",
        "generators: [ g.yaml ]",
        "transformers: [ t.yaml ]",
        "configurations: [ c.yaml ]",
    ] {
        let name = format!("`{}`", field.split(':').next().unwrap());
        says(&with(field).exits(4), &["generator", &name, "kustomize build source"]);
    }
    let patch = "patchesJson6902:\n  - target: { kind: VirtualNode, name: cart }\n    patch: |-\n      - { op: replace, path: /spec/serviceDiscovery/dns/hostname, value: cart.eu }\n";
    says(&with(patch).exits(0), &["cart.eu"]);
}

#[test]
fn the_help_for_a_route_of_kubernetes_is_of_kubernetes() {
    let route = "apiVersion: appmesh.k8s.aws/v1beta2\nkind: GatewayRoute\nmetadata: { name: r, namespace: p }\n\
        spec: { httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceRef: { name: s } } } } } }\n";
    says(
        &written(&[("r.yaml", route)], &["--mesh", "m"]).exits(3),
        &["MC1111", "virtualGatewayRef"],
    );
}
