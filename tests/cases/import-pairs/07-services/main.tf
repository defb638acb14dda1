locals {
  domain   = join(".", ["shop", "local"])
  services = { for name in ["cart", "stock"] : name => "${name}-node" if name != "none" }
}

resource "aws_appmesh_virtual_service" "this" {
  for_each  = local.services
  name      = "${each.key}.${local.domain}"
  mesh_name = "shop"
  spec {
    provider {
      virtual_node {
        virtual_node_name = each.value
      }
    }
  }
}
