/*
 * What each shell runs to complete a word. The words go to the command as they stand, none is evaluated; where it has
 * nothing to say, the shell completes names of files.
 */

type Script = (complete: string) => string;

const bash: Script = (complete) => `# bash completion for acr-retention
_acr_retention() {
  local value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    # Before an equals sign and a colon bash keeps what is there.
    COMPREPLY+=("$value")
  done < <(acr-retention ${complete} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _acr_retention acr-retention
`;

const zsh: Script = (complete) => `#compdef acr-retention
_acr_retention() {
  local -a found
  found=("\${(@f)$(acr-retention ${complete} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then
    found=("\${(@)found//:/\\\\:}")
    found=("\${(@)found/$'\\t'/:}")
    found=("\${(@)found%:}")
    _describe -t values 'acr-retention' found
  else
    _files
  fi
}
compdef _acr_retention acr-retention
`;

const fish: Script = (complete) => `# fish completion for acr-retention
function __acr_retention_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (acr-retention ${complete} -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c acr-retention -f -a '(__acr_retention_complete)'
`;

export const SCRIPTS: Readonly<Record<string, Script>> = { bash, zsh, fish };
