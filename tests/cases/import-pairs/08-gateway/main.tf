resource "aws_appmesh_virtual_gateway" "edge" {
  name      = "edge"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 8088
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "cart" {
  count                = 1
  name                 = "cart-${count.index}"
  mesh_name            = "shop"
  virtual_gateway_name = aws_appmesh_virtual_gateway.edge.name
  spec {
    http_route {
      match {
        prefix = "/cart"
      }
      action {
        target {
          virtual_service {
            virtual_service_name = "cart.local"
          }
        }
        rewrite {
          hostname {
            default_target_hostname = "DISABLED"
          }
          prefix {
            value = "/v2/"
          }
        }
      }
    }
  }
}
