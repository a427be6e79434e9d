// The peer in Go: net/http with a mux that writes the bytes of FILE.
//
//	gopeer PORT FILE
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("gopeer PORT FILE")
	}
	document, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if !json.Valid(document) {
		log.Fatal("FILE is no JSON")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/json", func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Content-Type", "application/json")
		writer.Write(document)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
