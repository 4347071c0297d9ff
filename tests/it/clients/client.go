// net/http: client PLAIN TLS CA [PROXY]; a line for each answer.
package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

func main() {
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	for _, h2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2}
		if len(os.Args) > 4 {
			proxy, err := url.Parse(os.Args[4])
			if err != nil {
				panic(err)
			}
			transport.Proxy = http.ProxyURL(proxy)
		}
		client := &http.Client{Transport: transport}
		ask := func(method, url string, body io.Reader) (string, []byte) {
			request, err := http.NewRequest(method, url, body)
			if err != nil {
				panic(err)
			}
			answer, err := client.Do(request)
			if err != nil {
				return err.Error(), nil
			}
			defer answer.Body.Close()
			all, err := io.ReadAll(answer.Body)
			told := fmt.Sprint(answer.StatusCode, answer.Header.Get("x-method"), answer.Header["Set-Cookie"], answer.ContentLength, answer.Trailer, err)
			if strings.HasPrefix(url, "https") {
				told += " " + answer.Proto
			}
			return told, all
		}
		for _, base := range os.Args[1:3] {
			name := fmt.Sprint("go h2=", h2, " ", strings.Split(base, ":")[0])
			for _, method := range []string{"GET", "HEAD", "DELETE"} {
				told, all := ask(method, base+"/a", nil)
				fmt.Printf("%s %s %s %x\n", name, method, told, sha256.Sum256(all))
			}
			told, all := ask("POST", base+"/echo", bytes.NewReader(bytes.Repeat([]byte("go"), 400_000)))
			fmt.Printf("%s post %s %x\n", name, told, sha256.Sum256(all))
			// Of unknown length: chunks, or frames.
			told, all = ask("PUT", base+"/echo", io.MultiReader(strings.NewReader("one"), strings.NewReader("two")))
			fmt.Printf("%s streamed %s %s\n", name, told, all)
			told, all = ask("GET", base+"/trailers", nil)
			fmt.Printf("%s trailers %s %s\n", name, told, all)
			var group sync.WaitGroup
			found := make([]string, 60)
			for i := range found {
				group.Add(1)
				go func(i int) {
					defer group.Done()
					told, all := ask("GET", fmt.Sprint(base, "/n/", i), nil)
					found[i] = fmt.Sprintf("%s %x", told, all)
				}(i)
			}
			group.Wait()
			fmt.Printf("%s at once %x\n", name, sha256.Sum256([]byte(strings.Join(found, ","))))
		}
	}
}
