//go:build tools

// Package tools names the programs that are built of this module.
package tools

import (
	_ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
)
