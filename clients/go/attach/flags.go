package attach

import (
	"flag"
	"fmt"
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
		var err error
		options.Token, err = tokenIn(*tokenFile)
		return options, err
	}
}

// tokenIn reads a token file: one line with one token. Its content is in no error.
func tokenIn(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	isOther := func(character rune) bool { return character < '!' || character > '~' }
	if token == "" || strings.ContainsFunc(token, isOther) {
		return "", fmt.Errorf("the token file %s is not one line with one token of printable ASCII", path)
	}
	return token, nil
}
