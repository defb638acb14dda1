//! Sources as people really hold them: templates that need each other, plans with what is not known
//! yet, what a cluster prints, and what only makes definitions.

use crate::support::golden;
use crate::support::root;
use meshctl::import::{Content, Imported, Options, Source, import};
use std::fmt::Write as _;

fn read(sources: &[(&str, &str)]) -> Imported {
    let source = |(path, text): &(&str, &str)| Source {
        path: (*path).to_owned(),
        content: Content::Text((*text).to_owned()),
        named: true,
    };
    import(sources.iter().map(source).collect(), &Options::default())
}

/// What was imported, and what is said about it: one text to be looked at.
fn told(sources: &[(&str, &str)]) -> String {
    let imported = read(sources);
    let mut text = imported.text.clone();
    for found in imported.diagnostics.clone().sorted() {
        let at = found.primary.as_ref().map(|label| imported.files.show(label.loc));
        let help = found.help.unwrap_or_default();
        let _ = writeln!(
            text,
            "{} {}: {} ({help})",
            found.code.id,
            at.unwrap_or_default(),
            found.message
        );
    }
    for entry in imported.report.iter().filter(|entry| entry.reason.is_loss()) {
        let at = imported.files.show(entry.loc);
        let _ =
            writeln!(text, "{} {at}: {}: {}", entry.reason.as_str(), entry.field, entry.message);
    }
    text
}

const NETWORK: &str = "Parameters: { Env: { Type: String } }
Resources:
  Mesh: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: shop } }
Outputs:
  Mesh: { Value: !GetAtt Mesh.MeshName, Export: { Name: !Sub '${Env}:mesh' } }
";
const USER: &str = "Parameters: { Env: { Type: String } }
Resources:
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: { Fn::ImportValue: !Sub '${Env}:mesh' }
      VirtualServiceName: a.local
      Spec: {}
";

#[test]
fn what_one_template_exports_another_imports() {
    let imported = read(&[("network.yaml", NETWORK), ("user.yaml", USER)]);
    assert_eq!(imported.losses(), 0, "{:?}", imported.report);
    assert_eq!(imported.mesh.settings.name.as_str(), "shop");
    assert!(imported.mesh.services.contains_key("a.local"));
    assert_eq!(read(&[("user.yaml", USER)]).losses(), 2, "alone it needs a value");
}

#[test]
fn nested_stacks_give_values_and_get_some() {
    let outer = "Resources:
  Nodes:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub 'https://${Bucket}.s3.amazonaws.com/nodes.yaml'
      Parameters: { Mesh: !GetAtt Mesh.MeshName, Port: 8080 }
  Mesh: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: shop } }
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualServiceName: a.local
      Spec: { Provider: { VirtualNode: { VirtualNodeName: !GetAtt Nodes.Outputs.Node } } }
";
    let inner = "Parameters: { Mesh: { Type: String }, Port: { Type: Number, Default: 1 } }
Resources:
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !Ref Mesh
      VirtualNodeName: blue
      Spec:
        Listeners: [{ PortMapping: { Port: !Ref Port, Protocol: http } }]
        ServiceDiscovery: { DNS: { Hostname: blue.local } }
Outputs:
  Node: { Value: !GetAtt Node.VirtualNodeName }
";
    let imported = read(&[("all.yaml", outer), ("nodes.yaml", inner)]);
    assert_eq!(imported.losses(), 0, "{:?}", imported.report);
    assert_eq!(imported.mesh.nodes["blue"].listeners[0].port.get(), 8080);
    let provider = imported.mesh.services["a.local"].node.as_ref().unwrap();
    assert_eq!(provider.as_str(), "blue");
}

#[test]
fn exports_that_need_each_other_end() {
    let loops = |own: &str, other: &str| {
        format!(
            "Resources:\n  S:\n    Type: AWS::AppMesh::VirtualService\n    Properties:\n      MeshName: m\n      \
             VirtualServiceName: {{ Fn::ImportValue: {other} }}\n      Spec: {{}}\nOutputs:\n  O:\n    Value: \
             {{ Fn::ImportValue: {other} }}\n    Export: {{ Name: {own} }}\n"
        )
    };
    let (one, two) = (loops("a", "b"), loops("b", "a"));
    let imported = read(&[("one.yaml", &one), ("two.yaml", &two)]);
    assert!(imported.losses() > 0, "{}", imported.text);
}

#[test]
fn what_only_makes_definitions_is_told_by_what_it_is() {
    let sources = [
        (
            "deploy.yaml",
            "kind: VirtualNode # appmesh\n{{- if .Values.mesh }}\nname: {{ include \"x\" . }}\n{{- end }}\n",
        ),
        ("node.yaml", "metadata:\n  name: {{ .Values.name | quote }}\n"),
        (
            "up.sh",
            "#!/bin/bash\nSPEC=$(cat <<-EOF\n{ \"listeners\": [] }\nEOF\n)\naws appmesh create-mesh\n",
        ),
        (
            "mesh.ts",
            "import { Mesh } from 'aws-cdk-lib/aws-appmesh';\nnew Mesh(this, 'm', { a: [ });\n",
        ),
        (
            "old.tfstate",
            "{\"version\": 3, \"terraform_version\": \"0.11.14\", \"modules\": [{\"path\": [\"root\"]}]}",
        ),
        (
            "loop.yaml",
            "Transform: [AWS::LanguageExtensions, OurMacro]\nResources:\n  Fn::ForEach::N:\n    - Color\n    - [blue]\n    - N${Color}: { Type: AWS::AppMesh::VirtualNode }\n",
        ),
    ];
    let mut all = String::new();
    for source in sources {
        let _ = write!(all, "=== {}\n{}", source.0, told(&[source]));
    }
    golden::check(&root().join("tests/cases/import-wild.txt"), &all);
}

#[test]
fn what_a_plan_does_not_know_yet_has_a_placeholder() {
    let plan = r#"{ "format_version": "1.2", "terraform_version": "1.9.0", "planned_values": { "root_module": {
      "child_modules": [{ "address": "module.shop", "resources": [{
        "address": "module.shop.aws_appmesh_virtual_service.s[\"a\"]", "mode": "managed", "index": "a",
        "type": "aws_appmesh_virtual_service", "name": "s",
        "values": { "name": "a.local", "spec": [{ "provider": [{ "virtual_node": [], "virtual_router": [{}] }] }] } }] }] } },
      "resource_changes": [{ "address": "module.shop.aws_appmesh_virtual_service.s[\"a\"]", "change": {
        "after_unknown": { "arn": true, "mesh_name": true,
          "spec": [{ "provider": [{ "virtual_router": [{ "virtual_router_name": true }] }] }] } } }] }"#;
    let imported = read(&[("plan.json", plan)]);
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    let asked: Vec<&str> = imported.report.iter().map(|entry| entry.field.as_str()).collect();
    let name = "module.shop.aws_appmesh_virtual_service.s[a].virtual_router_name";
    assert_eq!(asked, ["meshName", name], "{:?}", imported.report);
}

#[test]
fn what_a_cluster_prints_is_a_list_with_its_bookkeeping() {
    let printed = "apiVersion: v1
kind: List
items:
- apiVersion: appmesh.k8s.aws/v1beta2
  kind: VirtualNode
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {\"apiVersion\":\"appmesh.k8s.aws/v1beta2\",\"kind\":\"VirtualNode\"}
    managedFields: [{ manager: kubectl, fieldsV1: { f:metadata: {} } }]
    name: a
    namespace: prod
    uid: 1-2-3
  spec:
    awsName: a_prod
    meshRef: { name: shop, uid: 4-5-6 }
    listeners: [{ portMapping: { port: 8080, protocol: http } }]
    serviceDiscovery: { dns: { hostname: a.prod.svc } }
  status: { conditions: [{ type: VirtualNodeActive, status: 'True' }] }
metadata: { resourceVersion: '' }
";
    let imported = read(&[("all.yaml", printed)]);
    assert_eq!(imported.losses(), 0, "{:?}", imported.report);
    assert!(imported.mesh.nodes.contains_key("a_prod"));
    assert_eq!(imported.mesh.settings.name.as_str(), "shop");
}
