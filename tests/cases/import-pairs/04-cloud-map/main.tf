variable "service" {
  default = "Cart"
}

resource "aws_appmesh_virtual_node" "cart" {
  name      = lower(var.service)
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 9080
        protocol = "grpc"
      }
    }
    service_discovery {
      aws_cloud_map {
        namespace_name = "shop.local"
        service_name   = lower(var.service)
        attributes = merge({ stack = "blue" }, { version = "1" })
      }
    }
    logging {
      access_log {
        file {
          path = "/dev/stdout"
        }
      }
    }
  }
}
