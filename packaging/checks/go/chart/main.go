// Command chart lints a Helm chart with a file of values, as `helm lint --strict` does, and prints what it renders, as
// `helm template` does.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

const namespace = "streaming"

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: chart DIRECTORY VALUES KUBERNETES-VERSION RELEASE")
		os.Exit(2)
	}
	rendered, err := check(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(rendered)
}

func check(directory, valuesFile, kubernetes, release string) (string, error) {
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return "", fmt.Errorf("%s: %w", valuesFile, err)
	}
	version, err := chartutil.ParseKubeVersion(kubernetes)
	if err != nil {
		return "", err
	}
	// Merging changes the values.
	copied := chartutil.CoalesceTables(map[string]any{}, values.AsMap())
	linter := lint.AllWithKubeVersion(directory, copied, namespace, version)
	var complaints []string
	for _, message := range linter.Messages {
		if message.Severity >= support.WarningSev {
			complaints = append(complaints, message.Error())
		}
	}
	if len(complaints) > 0 {
		return "", fmt.Errorf("%s", strings.Join(complaints, "\n"))
	}
	return render(directory, values, version, release)
}

func render(directory string, values chartutil.Values, version *chartutil.KubeVersion, name string) (string, error) {
	chart, err := loader.Load(directory)
	if err != nil {
		return "", err
	}
	if wanted := chart.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, version.Version) {
		return "", fmt.Errorf("the chart requires Kubernetes %s", wanted)
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	release := chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, capabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return "", err
	}
	var names []string
	for name, content := range files {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(content) != "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var rendered strings.Builder
	for _, name := range names {
		fmt.Fprintf(&rendered, "---\n# Source: %s\n%s\n", name, files[name])
	}
	return rendered.String(), nil
}
