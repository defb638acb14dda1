variable "weights" {
  default = {
    blue  = 90
    green = 10
  }
}

resource "aws_appmesh_virtual_node" "this" {
  for_each  = var.weights
  name      = "cart-${each.key}"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 80
        protocol = "http"
      }
    }
    service_discovery {
      dns {
        hostname = "${each.key}.local"
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "cart" {
  name      = "cart"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 80
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "cart" {
  name                = "cart"
  mesh_name           = "shop"
  virtual_router_name = aws_appmesh_virtual_router.cart.name
  spec {
    http_route {
      match {
        prefix = "/"
      }
      action {
        dynamic "weighted_target" {
          for_each = var.weights
          content {
            virtual_node = aws_appmesh_virtual_node.this[weighted_target.key].name
            weight       = weighted_target.value
          }
        }
      }
    }
  }
}
