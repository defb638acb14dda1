#!/bin/sh
aws appmesh create-virtual-node --mesh-name shop --virtual-node-name cart \
  --spec '{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}'
