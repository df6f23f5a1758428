module tickcast.local/resources

go 1.24.0

require (
	github.com/kedacore/keda/v2 v2.18.0
	sigs.k8s.io/gateway-api v1.4.0
)
