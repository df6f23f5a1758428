//go:build tools

// Package tools names the programs that are built of this module.
package tools

import (
	_ "sigs.k8s.io/prometheus-adapter/cmd/adapter"
)
