package attach

import (
	"flag"
	"os"
	"strings"
)

// Flags declares the command line that the examples share; call the result after flag.Parse.
func Flags() func() (Options, error) {
	address := flag.String("address", "127.0.0.1:50051", "HOST:PORT or unix:PATH of the node")
	tokenFile := flag.String("token-file", "", "file with a token, for nodes that ask for one")
	ca := flag.String("ca", "", "certificates of the authorities, for TLS")
	certificate := flag.String("cert", "", "certificate to show, for nodes that ask for one")
	key := flag.String("key", "", "its private key")
	return func() (Options, error) {
		options := Options{Address: *address, CA: *ca, Certificate: *certificate, Key: *key}
		if *tokenFile == "" {
			return options, nil
		}
		token, err := os.ReadFile(*tokenFile)
		options.Token = strings.TrimSpace(string(token))
		return options, err
	}
}
