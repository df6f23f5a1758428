//go:build tools

// Package tools names the programs that are built of this module.
package tools

import (
	_ "github.com/traefik/traefik/v3/cmd/traefik"
)
