resource "aws_appmesh_virtual_node" "cart" {
  name      = local.name
  mesh_name = "shop"
  spec {}
}
