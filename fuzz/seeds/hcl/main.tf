variable "nodes" {
  default = { cart = { port = 8080, calls = ["stock.shop.local"] } }
}
locals {
  domain = "shop.local"
  names  = [for k, v in var.nodes : upper(k) if v.port > 80]
}
resource "aws_appmesh_mesh" "m" {
  name = "shop"
}
resource "aws_appmesh_virtual_node" "n" {
  for_each  = var.nodes
  name      = "${each.key}-${length(local.names)}"
  mesh_name = aws_appmesh_mesh.m.id
  spec {
    dynamic "backend" {
      for_each = toset(each.value.calls)
      content {
        virtual_service {
          virtual_service_name = backend.value
        }
      }
    }
    listener {
      port_mapping {
        port     = try(each.value.port, 80)
        protocol = "http"
      }
    }
    service_discovery {
      dns {
        hostname = format("%s.%s", each.key, local.domain)
      }
    }
  }
}
