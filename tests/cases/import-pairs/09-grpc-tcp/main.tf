resource "aws_appmesh_virtual_router" "g" {
  name      = "g"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 9000
        protocol = "grpc"
      }
    }
  }
}

resource "aws_appmesh_route" "g" {
  name                = "g"
  mesh_name           = "shop"
  virtual_router_name = one(aws_appmesh_virtual_router.g[*].name)
  spec {
    grpc_route {
      match {
        service_name = "shop.Cart"
        method_name  = "Add"
        metadata {
          name = "tenant"
          match {
            exact = "a"
          }
        }
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = coalesce(null, 7)
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "t" {
  name      = "t"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 5432
        protocol = "tcp"
      }
    }
  }
}

resource "aws_appmesh_route" "t" {
  name                = "t"
  mesh_name           = "shop"
  virtual_router_name = aws_appmesh_virtual_router.t.name
  spec {
    tcp_route {
      timeout {
        idle {
          unit  = "ms"
          value = 60000
        }
      }
      action {
        weighted_target {
          virtual_node = "db"
          weight       = 1
        }
      }
    }
  }
}
